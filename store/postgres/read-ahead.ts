/**
 * Pages in their order, each with the last of its rows, after which the next one begins; the page
 * without a last row ends them. A page is read while the one before is worked on. Nothing is being
 * read any more when whoever takes them has left.
 */
export async function* readAhead<Row, Page extends { readonly last: Row | undefined }>(
  read: (last: Row | undefined) => Promise<Page>,
): AsyncGenerator<Page> {
  let next = read(undefined);
  try {
    for (;;) {
      const page = await next;
      if (page.last === undefined) return;
      next = read(page.last);
      // It is told when the page is asked for, not before.
      next.catch(() => undefined);
      yield page;
    }
  } finally {
    await next.catch(() => undefined);
  }
}
