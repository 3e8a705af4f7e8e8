DROP TABLE computed_data;
