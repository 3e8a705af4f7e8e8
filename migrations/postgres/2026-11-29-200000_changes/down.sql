DROP TABLE change_log;
DROP SEQUENCE change_set_ids;
DROP TABLE unnumbered_changes;
DROP TABLE changes;
