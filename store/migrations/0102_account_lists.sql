-- Lists of accounts find their rows by an index: by the beginning of a domain or a name, and by tier.
-- older code may serve from 0075 on
create index account_by_domain_prefix on account (domain text_pattern_ops);
create index account_by_name on account (lower(facts #>> '{account.name,value}') text_pattern_ops);
create index account_by_tier on account ((facts #>> '{account.tier,value}'), id);
