DROP TABLE change_set;
