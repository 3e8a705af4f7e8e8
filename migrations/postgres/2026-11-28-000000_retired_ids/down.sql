DROP TABLE retired_type_ids;
DROP TABLE retired_relationship_ids;
DROP TABLE retired_user_ids;
