DROP TABLE transmitter;
