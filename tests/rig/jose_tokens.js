// Tokens and their set of public keys as npm's `jose` makes them: {jwks, tokens: {alg: token}}.
const { SignJWT, exportJWK, generateKeyPair } = require("jose");

async function main(algorithms) {
  const jwks = { keys: [] };
  const tokens = {};
  for (const alg of algorithms) {
    const { publicKey, privateKey } = await generateKeyPair(alg);
    jwks.keys.push({ ...(await exportJWK(publicKey)), kid: `key of ${alg}`, use: "sig", alg });
    tokens[alg] = await new SignJWT({ roles: ["a", alg], n: 1.5 })
      .setProtectedHeader({ alg, kid: `key of ${alg}`, typ: "JWT" })
      .setIssuer("https://issuer.test")
      .setAudience(["shop", "office"])
      .setSubject("alice \u00fc")
      .setIssuedAt()
      .setExpirationTime("1h")
      .sign(privateKey);
  }
  console.log(JSON.stringify({ jwks, tokens }));
}

main(process.argv.slice(2));
