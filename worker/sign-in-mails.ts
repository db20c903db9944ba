import type { Instant } from "../handoff/time/calendar.ts";
import { MailRefused, messageIdOf, oneAddress, type MailPort } from "../messages/mail/mail.ts";
import { render } from "../messages/mail/render.ts";
import { signInMail, signInPage } from "../messages/sign-in.ts";
import { makeLink, minutesOfLink } from "../store/access/sign-in-links.ts";
import {
  endSignInMail,
  releaseSignInMail,
  takeSignInMails,
  type SignInMail,
} from "../store/access/sign-in-mails.ts";
import type { Pool } from "../store/postgres/db.ts";

export interface SignInMailDeps {
  readonly pool: Pool;
  readonly mail: MailPort;
  /** Without a slash at the end. */
  readonly publicUrl: string;
  readonly clock: () => Instant;
}

const mostAtOnce = 20;

/**
 * Mails the links that people asked for. A link is drawn here, so that its secret is in the mail
 * alone. Gives the logins whose mail was refused for good. Throws MailDown when it must be tried
 * again.
 */
export async function sendSignInMails(deps: SignInMailDeps): Promise<string[]> {
  const refused: string[] = [];
  const mails = await takeSignInMails(deps.pool, mostAtOnce, deps.clock());
  for (const [n, one] of mails.entries())
    try {
      await send(deps, one);
    } catch (error) {
      if (!(error instanceof MailRefused)) {
        for (const { id } of mails.slice(n)) await releaseSignInMail(deps.pool, id);
        throw error;
      }
      refused.push(one.loginId);
      await endSignInMail(deps.pool, one.id, deps.clock());
    }
  return refused;
}

async function send({ pool, mail, publicUrl, clock }: SignInMailDeps, one: SignInMail) {
  const to = oneAddress(one.email);
  if (!to) throw new MailRefused("the recipient is not one plain e-mail address");
  const page = mail.isKept
    ? null
    : {
        address: signInPage(
          publicUrl,
          await makeLink(pool, one.loginId, "mail", clock()),
          one.leadsTo,
        ),
        minutes: minutesOfLink("mail"),
      };
  await mail.send({
    ...render(signInMail(one.repId, page)),
    to,
    messageId: messageIdOf(`sign-in/${one.id}`, one.repId),
    headers: { "Auto-Submitted": "auto-generated" },
    about: { leadId: null, repId: one.repId },
  });
  await endSignInMail(pool, one.id, clock());
}
