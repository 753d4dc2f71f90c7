DROP TABLE group_child;
