DROP FUNCTION arrange_scim_requests(integer);
DROP FUNCTION first_request_of(date);
DROP TABLE scim_traffic;
DROP TABLE scim_request_subject;
DROP TABLE scim_request;
