-- The refused rows of an import are handed out under the file's own header, to be put right and imported again.
alter table import add column header text[];
alter table import add column delimiter text;
-- field -> in how many rows its value was kept as it came, for want of a word that is known
alter table import add column not_understood jsonb not null default '{}';
