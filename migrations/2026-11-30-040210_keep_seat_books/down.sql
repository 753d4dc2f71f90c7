DROP FUNCTION tenants_with_unchecked_seats(timestamptz);
DROP TABLE seat_check;
DROP TABLE seat_terms;
