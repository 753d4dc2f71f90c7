DROP TABLE invitation_link;
