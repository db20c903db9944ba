/** What `look` gives once it gives something; fails when it does not within so many seconds. */
export async function eventually<T>(
  seconds: number,
  look: () => Promise<T | undefined | false>,
): Promise<T> {
  for (
    const end = Date.now() + seconds * 1_000;
    ;
    await new Promise((resolve) => setTimeout(resolve, 50))
  ) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > end) throw new Error(`not within ${seconds} s`);
  }
}
