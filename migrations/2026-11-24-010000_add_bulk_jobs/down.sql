DROP TABLE bulk_step;
DROP TABLE bulk_job;
