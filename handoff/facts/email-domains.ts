/**
 * Mail providers that anybody can join, and ones made to be thrown away, as of November 2026. A
 * short list of our own of the best known; an agreement adds to it under `emailDomains`. See
 * docs/decisions/0020-email-domain-lists.md.
 */
export const freeDomains: ReadonlySet<string> = new Set(
  `gmail.com googlemail.com live.com live.co.uk live.fr live.de live.nl live.it live.be live.ca live.com.au live.com.mx live.dk live.se live.no
  msn.com passport.com windowslive.com ymail.com rocketmail.com aim.com icloud.com me.com mac.com
  proton.me protonmail.com protonmail.ch pm.me tutanota.com tutanota.de tuta.io tuta.com keemail.me hey.com fastmail.com fastmail.fm
  hushmail.com mailbox.org posteo.de posteo.net runbox.com startmail.com disroot.org riseup.net zoho.com zohomail.com zohomail.eu zohomail.in
  mail.com email.com usa.com europe.com consultant.com post.com engineer.com dr.com
  web.de freenet.de t-online.de arcor.de mail.de email.de online.de vodafone.de 1und1.de
  orange.fr wanadoo.fr free.fr sfr.fr laposte.net neuf.fr bbox.fr numericable.fr club-internet.fr
  libero.it virgilio.it alice.it tin.it tiscali.it email.it fastwebnet.it
  telefonica.net terra.com terra.com.br terra.es bol.com.br uol.com.br ig.com.br globo.com globomail.com r7.com
  btinternet.com btopenworld.com sky.com virginmedia.com ntlworld.com talktalk.net blueyonder.co.uk tiscali.co.uk
  comcast.net verizon.net att.net sbcglobal.net bellsouth.net cox.net charter.net earthlink.net juno.com netzero.net optonline.net frontier.com
  shaw.ca rogers.com sympatico.ca telus.net bell.net videotron.ca
  bigpond.com bigpond.net.au optusnet.com.au iinet.net.au tpg.com.au xtra.co.nz
  ziggo.nl kpnmail.nl planet.nl home.nl xs4all.nl chello.nl telenet.be skynet.be proximus.be bluewin.ch hispeed.ch
  telia.com online.no jubii.dk mail.dk wp.pl o2.pl onet.pl op.pl interia.pl interia.eu gazeta.pl poczta.fm
  seznam.cz email.cz centrum.cz post.cz azet.sk zoznam.sk freemail.hu citromail.hu abv.bg mail.bg
  mail.ru inbox.ru list.ru bk.ru internet.ru rambler.ru ya.ru ukr.net i.ua meta.ua
  qq.com foxmail.com 163.com 126.com yeah.net sina.com sina.cn sohu.com aliyun.com 139.com 189.cn 21cn.com
  naver.com daum.net hanmail.net nate.com rediffmail.com sify.com in.com indiatimes.com docomo.ne.jp ezweb.ne.jp softbank.ne.jp nifty.com
  walla.com walla.co.il mynet.com lycos.com excite.com inbox.com inbox.lv inbox.lt mail.ee duck.com relay.firefox.com privaterelay.appleid.com`.split(
    /\s+/,
  ),
);

/** Providers with a domain in nearly every country: `yahoo.co.uk`, `hotmail.fr`, `gmx.at`. */
export const freeFamilies: ReadonlySet<string> = new Set([
  "yahoo",
  "hotmail",
  "outlook",
  "gmx",
  "yandex",
  "aol",
]);

export const disposableDomains: ReadonlySet<string> = new Set(
  `mailinator.com mailinator.net mailinator2.com binkmail.com bobmail.info chammy.info devnullmail.com letthemeatspam.com mailinater.com
  notmailinator.com reallymymail.com safetymail.info sogetthis.com spamherelots.com suremail.info thisisnotmyrealemail.com tradermail.info veryrealemail.com zippymail.info
  guerrillamail.com guerrillamail.net guerrillamail.org guerrillamail.biz guerrillamail.de guerrillamail.info guerrillamailblock.com sharklasers.com grr.la pokemail.net spam4.me
  10minutemail.com 10minutemail.net 10minutemail.co.uk 10minutemail.de 20minutemail.com 30minutemail.com 10mail.org tempmail.com temp-mail.org temp-mail.io temp-mail.ru tempmail.net
  tempmailo.com tempmailaddress.com tempail.com tempr.email temporarymail.com temporary-mail.net tempinbox.com tempemail.com tempemail.net tempomail.fr tmpmail.org tmpmail.net tmail.ws minuteinbox.com
  yopmail.com yopmail.fr yopmail.net cool.fr.nf jetable.fr.nf courriel.fr.nf moncourrier.fr.nf jetable.org jetable.com nospam.ze.tm nomail.xl.cx mega.zik.dj speed.1s.fr
  trashmail.com trashmail.de trashmail.net trashmail.org trashmail.me trashmail.at trash-mail.com trash-mail.de trash-mail.at kurzepost.de objectmail.com proxymail.eu rcpt.at wegwerfmail.de wegwerfmail.net wegwerfmail.org wegwerfemail.de
  throwawaymail.com throwaway.email throwam.com dispostable.com discard.email discardmail.com discardmail.de disposablemail.com disposableinbox.com dropmail.me fakeinbox.com fakemail.net fakemailgenerator.com
  getairmail.com getnada.com nada.email inboxkitten.com inboxbear.com maildrop.cc mailcatch.com mailnesia.com mailnull.com mailexpire.com mailmoat.com mailtemp.net mailpoof.com mailsac.com moakt.com moakt.cc mohmal.com mytemp.email mytrashmail.com
  emailondeck.com emailfake.com email-fake.com emailtemporanea.com emlhub.com generator.email crazymailing.com deadaddress.com burnermail.io 33mail.com anonbox.net
  armyspy.com cuvox.de dayrep.com einrot.com fleckens.hu gustr.com jourrapide.com rhyta.com superrito.com teleworm.us
  spambog.com spambog.de spambox.us spamgourmet.com spamex.com spamfree24.org spamhole.com spaml.de mintemail.com incognitomail.org instant-mail.de owlymail.com
  linshiyouxuan.com luxusmail.org muellmail.com one-time.email onewaymail.com sneakemail.com soodonims.com tafmail.com vomoto.com wh4f.org xagloo.com zoemail.org`.split(
    /\s+/,
  ),
);

/**
 * Sites on which companies have a page of theirs, as of December 2026: a web address there says
 * whose page it is, and not by which domain the company is known. Hosts that give each page a
 * subdomain stand in the public suffix list.
 */
export const pageHosts: ReadonlySet<string> = new Set([
  "linkedin.com",
  "xing.com",
  "facebook.com",
  "fb.com",
  "instagram.com",
  "twitter.com",
  "x.com",
  "tiktok.com",
  "youtube.com",
  "youtu.be",
  "pinterest.com",
  "vk.com",
  "t.me",
  "wa.me",
  "linktr.ee",
  "medium.com",
  "crunchbase.com",
  "google.com",
  "goo.gl",
  "g.page",
  "yelp.com",
  "about.me",
  "bit.ly",
]);
