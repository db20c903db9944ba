/**
 * Which open tasks somebody sees, in the order in which they are due, read by index: of each way on
 * which a task can be theirs the first of a page, so that a backlog costs no more than what is shown
 * (docs/decisions/0101-tasks-know-their-lead.md).
 */

/**
 * The numbers of a statement's values: ids (null: the statement is about everybody's), roles, how
 * many are wanted, and from which time on (a value that is null, or the word: all).
 */
export interface Numbered {
  readonly ids: string | null;
  readonly roles: string;
  readonly limit: string;
  readonly since: string;
}

/** Whether an open `task t` is theirs: named to them, of their roles, or about leads they own. */
export const isTheirs = ({ ids, roles }: Pick<Numbered, "ids" | "roles">): string =>
  ids === null
    ? "true"
    : `(t.assignee_id = any(${ids}::text[])
  or (t.assignee_id is null and (t.role = any(${roles}::text[]) or t.role = any(${ids}::text[])
    or t.lead_owner_id = any(${ids}::text[]))))`;

/** Which way a list is read from a place on: onwards, or back to what stands before it. */
export type Way = "on" | "back";

/** From when on, and in which order, by the time at which something is due. */
function along(way: Way, due: string, since: string): { from: string; order: string } {
  return way === "on"
    ? { from: `${due} >= coalesce(${since}::timestamptz, '-infinity')`, order: `${due}, t.id` }
    : { from: `${due} <= ${since}::timestamptz`, order: `${due} desc, t.id desc` };
}

const dueOfAll = "coalesce(t.due_at, 'infinity')";
/** The same, as the indexes of people, roles and owners have it. */
const dueOfEach = "least(t.due_at, 'infinity')";

/**
 * The first `limit` tasks on each way, some of them more than once, by their own due time from
 * `since` on: everybody's, or those of each person, of each role, and about the leads of each person.
 * `where` begins with `and`.
 */
export function firstByDue(
  { ids, roles, limit, since }: Numbered,
  where: string,
  way: Way = "on",
): string {
  const first = (which: string, due: string) => {
    const { from, order } = along(way, due, since);
    return `select t.* from task t where t.state = 'open'
    and ${which} and ${from} ${where} order by ${order} limit ${limit}`;
  };
  const ofEach = (people: string, which: string) =>
    `select one.* from unnest(${people}) as who, lateral (${first(which, dueOfEach)}) one`;
  if (ids === null) return `(${first("true", dueOfAll)})`;
  return `${ofEach(`${ids}::text[]`, "t.assignee_id = who")}
    union all ${ofEach(`${ids}::text[] || ${roles}::text[]`, "t.assignee_id is null and t.role = who")}
    union all ${ofEach(`${ids}::text[]`, "t.assignee_id is null and t.lead_owner_id = who")}`;
}

/**
 * The same by when the clock of the lead runs out, where somebody else than `self` owns it; that can
 * be earlier than the task is due.
 */
export function firstByLeadDue(
  { ids, limit, since, self }: Omit<Numbered, "roles"> & { readonly self: string },
  where: string,
  way: Way = "on",
): string {
  const { from, order } = along(way, "t.lead_due_at", since);
  const first = (which: string) => `select t.* from task t where t.state = 'open' and ${from}
    and t.lead_owner_id is distinct from ${self}::text and ${which} ${where}
    order by ${order} limit ${limit}`;
  if (ids === null) return `(${first("true")})`;
  const theirs = `t.lead_owner_id = who
    and (t.assignee_id is null or t.assignee_id = any(${ids}::text[]))`;
  return `select one.* from unnest(${ids}::text[]) as who, lateral (${first(theirs)}) one`;
}
