"""The tests of ``delivery`` and of the templates. Whose name begins with ``test_s0_08_`` tests requirement S0-08."""
