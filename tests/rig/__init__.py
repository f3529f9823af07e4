"""The black-box rig: origin recorder, raw client, product runner. See tests/README.md."""
