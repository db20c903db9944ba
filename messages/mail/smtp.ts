import { createTransport } from "nodemailer";
import { MailDown, MailRefused, oneAddress, type MailPort } from "./mail.ts";

export interface SmtpOptions {
  /** `smtp://user:password@host:port` or `smtps://…`. */
  readonly url: string;
  /** The sender of every message: one plain address. */
  readonly from: string;
  /** Bound of every wait for the server; 10 s unless told. */
  readonly timeoutMs?: number;
}

/**
 * Mail over SMTP. Throws a RangeError at once when the sender is not one plain address or the URL
 * is none.
 */
export function createSmtpMail(options: SmtpOptions): MailPort {
  const from = oneAddress(options.from);
  if (!from) throw new RangeError("MAIL_FROM: expected one plain e-mail address");
  if (!/^smtps?:\/\/./.test(options.url))
    throw new RangeError("SMTP_URL: expected smtp:// or smtps://");
  const timeout = options.timeoutMs ?? 10_000;
  const transport = createTransport({
    url: options.url,
    connectionTimeout: timeout,
    greetingTimeout: timeout,
    socketTimeout: timeout,
    dnsTimeout: timeout,
    disableFileAccess: true,
    disableUrlAccess: true,
  });

  return {
    name: "smtp",
    async send(mail, signal) {
      // nodemailer takes an address list where it expects an address, so it is checked here.
      const to = oneAddress(mail.to);
      if (!to) throw new MailRefused("the recipient is not one plain e-mail address");
      if (signal?.aborted) throw new MailDown("there is no time to send it");
      const sending = transport.sendMail({
        from,
        to,
        subject: oneLine(mail.subject),
        text: mail.text,
        html: mail.html,
        messageId: mail.messageId,
        headers: { ...mail.headers },
        attachments: (mail.pictures ?? []).map(({ cid, png }, n) => ({
          cid,
          filename: `picture-${n + 1}.png`,
          content: Buffer.from(png),
          contentType: "image/png",
          contentDisposition: "inline" as const,
        })),
        envelope: { from, to: [to] },
      });
      await cutShort(sending, signal).catch((error: unknown) => {
        throw mailError(error);
      });
    },
  };
}

/** A header is one line: what follows a line break would be another header. */
function oneLine(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f\u2028\u2029]+/g, " ").trim();
}

/** nodemailer cannot be cancelled: the wait ends, and whether the message left is unknown. */
async function cutShort<T>(sending: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return sending;
  sending.catch(() => undefined);
  return new Promise<T>((resolve, reject) => {
    const stop = () => reject(new MailDown("there was no time to wait for the server"));
    signal.addEventListener("abort", stop, { once: true });
    sending.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

/**
 * Only a 5xx about this message is final; refused credentials and everything else may be better
 * later. Server texts can quote addresses and stay out.
 */
function mailError(error: unknown): MailDown | MailRefused {
  if (error instanceof MailDown) return error;
  const { responseCode, code } = error as { responseCode?: number; code?: string };
  const isAboutMessage = code === "EENVELOPE" || code === "EMESSAGE";
  if (isAboutMessage && responseCode !== undefined && responseCode >= 500)
    return new MailRefused(`the server answered ${responseCode}`);
  return new MailDown(
    responseCode === undefined ? (code ?? "no answer") : `the server answered ${responseCode}`,
  );
}
