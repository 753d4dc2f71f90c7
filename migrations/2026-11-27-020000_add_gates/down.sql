DROP TABLE gate_pass, gate_code, gate_secret, gate;
