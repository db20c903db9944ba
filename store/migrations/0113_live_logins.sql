-- Logins of people who are there, in the role that they have now: who leaves, or is no manager any
-- more, is signed in no longer. A leader's role is not of the roster.
-- older code may serve from 0075 on
create view live_login as
select l.id, l.role, l.rep_id, l.party, l.keys_off, r.name
from login l left join rep r on r.id = l.rep_id
where l.rep_id is null or (r.active and (l.role = 'leader' or l.role = r.role));
