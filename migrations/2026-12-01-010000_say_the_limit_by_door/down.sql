ALTER TABLE seat_pool DROP COLUMN left_to_product;
ALTER TABLE seat_pool DROP COLUMN at_limit_by;
