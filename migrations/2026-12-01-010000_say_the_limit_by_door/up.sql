-- What happens at the limit of seats where a tenant chose it of one door, by the door's name. `at_limit` goes for all others, unless the
-- tenant leaves them to the product; then it is the product's word for doors of which it says nothing by itself.
ALTER TABLE seat_pool ADD COLUMN at_limit_by jsonb NOT NULL DEFAULT '{}';
ALTER TABLE seat_pool ADD COLUMN left_to_product boolean NOT NULL DEFAULT false;
