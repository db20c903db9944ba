-- How the file of an import was called and the map as it was written, for the list of imports and for
-- whoever sends the next file with the same map; null for imports of before.
-- older code may serve from 0075 on
alter table import add column file_name text, add column map_text text;
