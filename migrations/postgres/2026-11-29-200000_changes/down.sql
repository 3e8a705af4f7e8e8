DROP TABLE change_log;
DROP TABLE unnumbered_changes;
DROP TABLE changes;
