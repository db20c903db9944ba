/**
 * Which request of the API each page shows and each form sends. Who may do that may open the page,
 * and reaches as far: the authorisation table takes the row of the request.
 */
export const pages: Readonly<Record<string, string>> = {};
