#!/usr/bin/env python3
"""An examination for the scanner, made by somebody who had not seen it: texts that hold personal data or secrets, and
texts that hold none. Standard library alone, fixed seed; writes positives.jsonl and negatives.jsonl into the directory that
it is given. All values are made up; check digits are valid where a kind has them.

Look at the score, not at the texts: a rule that is written for one of them makes the score worth less."""
import base64, hashlib, json, os, random, re, string, sys, urllib.parse, zlib

R = random.Random(0x5EED_2024_11)
HERE = sys.argv[1]
pick = R.choice
A62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
def rs(n, cs): return "".join(R.choices(cs, k=n))
def b62(n): return rs(n, A62)
def hexs(n): return rs(n, "0123456789abcdef")
def dig(n): return rs(n, string.digits)
def nz(n): return rs(1, "123456789") + dig(n - 1)
def b64u(n): return rs(n, A62 + "-_")
def b64uu(n):  # begins and ends alphanumeric
    return b62(1) + b64u(n - 2) + b62(1)
def low(n): return rs(n, string.ascii_lowercase + string.digits)
def b64bytes(n): return base64.b64encode(R.randbytes(n)).decode()
def crc62(s):
    n = zlib.crc32(s.encode()); o = ""
    while n: o = A62[n % 62] + o; n //= 62
    return o.rjust(6, "0")

# ---------------------------------------------------------------- vocabulary
FIRST = "Alice Marco Ingrid Priya Tomasz Chidi Yuki Rosa Declan Noémie Bjørn Wanjiru Hassan Léa Mateus Katarzyna Farah Oisín Svetlana Joaquim Hedda Ravi Mei Gunther Amara Piotr Beatriz Niamh Kwame Sofie".split()
LAST = "Smith Rossi Lindqvist Raman Kowalczyk Okafor Tanaka Delgado Murphy Lefèvre Halvorsen Kamau Elsayed Fournier Carvalho Nowak Haddad Byrne Petrova Ferreira Aune Iyer Zhang Brandt Nwosu Wójcik Santos Gallagher Mensah Vinter".split()
def asc(s):
    for a, b in zip("éèøíóŁłøáö", "eeoiolloao"): s = s.replace(a, b)
    return s.encode("ascii", "ignore").decode()
def name(): return pick(FIRST), pick(LAST)
def full(): f, l = name(); return f"{f} {l}"
def uname():
    f, l = name(); f, l = asc(f).lower(), asc(l).lower()
    return pick([f[0] + l, f + "." + l, f + l[:3], l + f[0], f + "_" + l, f"{f}{R.randint(70,99)}", l + str(R.randint(10, 99))])
MODS = ["billing::http", "orders::worker", "gateway::proxy", "auth_svc::flow", "ingest::pipeline", "notifier::smtp", "sync_agent::upload",
        "api::handlers::users", "checkout::flow", "crm_bridge::import", "cli::commands::deploy", "storage::s3", "tower_http::trace::on_response", "kyc::verify", "mobile_api::devices"]
def ts(): return f"2024-{R.randint(1,12):02}-{R.randint(1,28):02}T{R.randint(0,23):02}:{R.randint(0,59):02}:{R.randint(0,59):02}.{R.randint(0,999999):06}Z"
def pre():
    m = pick(MODS); lv = pick(["INFO", "WARN", "DEBUG", "ERROR", "TRACE"])
    return pick(["", "", "", f"{ts()}  {lv} «{m}»: ", f"{ts()} {lv:>5} «{m}»: ", f"[{ts()[:19]}Z {lv} {m}] ", f"{lv} «{m}»: ",
                 f"level={lv.lower()} target={m} ", f"[{lv}] ", f"{ts()}  {lv} request{{method=POST span_id={hexs(16)}}}: «{m}»: "])
WORDS = "tiger maple velvet copper orbit lantern granite falcon pickle summer winter dragon coffee zebra rocket piano sunset cactus marble thunder".split()
def pw():  # human and machine passwords; no quote, space, comma, semicolon, ampersand, at, slash
    w, w2 = pick(WORDS), pick(WORDS)
    return pick([w.capitalize() + dig(3) + pick("!#$*^"), w.capitalize() + "-" + w2 + "-" + dig(2), w[:2].upper() + w[2:].replace("e", "3").replace("o", "0") + dig(4) + pick("!*^~"),
                 rs(14, A62 + "!*^~-_."), b62(20), w + w2 + dig(2), "".join(pick(WORDS) for _ in range(3)), rs(10, A62) + "$" + b62(3), w2.upper() + "_" + dig(5), b62(12)])

POS, SEENP = [], set()
TAIL = set("jwt bearer_basic pem high_entropy env_assignment key_secret dsn url_query_secret cookie url_userinfo".split())
def add(kind, text, secrets, extra=()):
    stays = re.findall("«([^»]+)»", text)
    text = text.replace("«", "").replace("»", "")
    secrets = [s for s in dict.fromkeys(secrets) if s]
    for s in secrets: assert s in text, (kind, s, text)
    if kind in TAIL or kind.startswith("vendor_key"):
        for s in list(secrets):
            if len(s) >= 20 and " " not in s and "\n" not in s: secrets.append(s[-11:])
    if kind in ("credit_card", "iban", "phone_intl", "phone_national"):
        for s in list(secrets):
            if len(s) >= 10 and "@" not in s and not re.search("[g-zG-Z.]{3}", s) and sum(c.isdigit() for c in s) > 7: secrets.append(s[-7:])
    if kind in ("dsn", "url_userinfo"):   # half-redacted password with an @ inside
        for s in list(secrets):
            t = s.rsplit("@", 1)[-1]
            if t != s and len(t) >= 5: secrets.append(t)
    out = []
    for s in stays:   # a harmless word must not overlap a secret
        rest = text
        for x in sorted(secrets, key=len, reverse=True): rest = rest.replace(x, "\0")
        if len(s) >= 3 and s in rest and s not in out and not any(s in x or x in s for x in secrets): out.append(s)
    if text in SEENP: return False
    SEENP.add(text)
    POS.append({"text": text, "secrets": list(dict.fromkeys(secrets)), "stays": out, "kind": kind}); return True

def fill(kind, templates, gen, n, prefix=True):
    """gen() -> (value, secrets) ; template has {v}"""
    order = []
    tries = 0; done = 0
    while done < n and tries < n * 6:
        if not order: order = templates[:]; R.shuffle(order)
        t = order.pop(); tries += 1
        v, sec = gen()
        vs = [v]
        txt = t
        while "{v}" in txt:
            txt = txt.replace("{v}", v, 1)
            if "{v}" in txt and R.random() < 2:  # further slots get fresh values
                v, s2 = gen(); sec = sec + s2
        p = pre() if prefix and not t.startswith("^") else ""
        if add(kind, p + txt.lstrip("^"), sec): done += 1
    return done

# wrappers around key/value, {k} key, {v} value
KV = ['«request rejected» {k}={v}', '{k}={v} «retries=3»', '«attempt=2» {k}="{v}" «outcome=failed»', '{"«event»":"«signup»","{k}":"{v}","«ok»":true}', '^{"{k}":"{v}"}',
      '«payload dump» {\\"{k}\\":\\"{v}\\",\\"«version»\\":3}', '«Account» { «plan»: "pro", {k}: "{v}", «active»: true }', '«Profile» { «revision»: 42, {k}: Some("{v}"), «tags»: [] }',
      '^{k}: {v}', '^{k} = "{v}"', "^{k}: '{v}'", '^  {k}: "{v}"\n  «replicas»: 2', '«applied patch» {{k}: "{v}"} «in 12ms»', 'level=warn {k}="{v}" «dur=31ms»', '«ctx»={{k}={v}, «step»=4}',
      '{"«lvl»":"info","«inner»":"{\\"{k}\\":\\"{v}\\"}"}', '«span closed» {k}: {v}, «busy=1.2ms»']
def kvfill(kind, keys, gen, n, forms=KV, stay_ok=True):
    order = []; done = 0; tries = 0
    while done < n and tries < n * 6:
        tries += 1
        if not order: order = list(forms); R.shuffle(order)
        t = order.pop(); v, sec = gen(); k = pick(keys)
        p = "" if t.startswith("^") else pre()
        if add(kind, p + t.lstrip("^").replace("{k}", k).replace("{v}", v), sec): done += 1

# ---------------------------------------------------------------- email
DOM = ["gmail.com", "outlook.com", "example.com", "posteo.de", "acme-corp.io", "mail.example.co.uk", "uni-heidelberg.de", "proton.me", "yandex.ru", "orange.fr", "contoso.com", "north.wind.example.org", "xn--mller-kva.de", "sub.team.company.dev", "163.com", "docs.rs.example.net", "fastmail.fm", "nhs.net"]
def email():
    f, l = name(); f, l = asc(f).lower(), asc(l).lower()
    loc = pick([f + "." + l, f[0] + l, f + "_" + l + dig(2), f + "." + l + "+" + pick(["news", "rust", "test1"]), l + "-" + f, f + l + dig(3), f.upper() + "." + l.upper(), f.capitalize() + "." + l.capitalize(), "o'" + l + "." + f, f + "." + l])
    d = pick(DOM)
    if loc.isupper(): d = d.upper()
    e = loc + "@" + d
    return e, [e]
fill("email", ["«login failed» for {v}", "«invited» {v} to «workspace» alpha", "{v}", "<{v}>", "«bounce» from <{v}>: «mailbox full»", "({v})", '"{v}" «is already registered»', "«sending receipt» to {v}.", "«recipient»={v}, «attempt»=3",
    "«From»: Support Desk <{v}>", "«RCPT TO»:<{v}> «SIZE»=2048", "mailto:{v}?subject=hi", "«commit» 3f9c2aa by <{v}>", "GET /users?«page»=2&email={v} «HTTP/1.1»", "«用户»{v}«已登录»", "«メール»{v}«を送信しました»", "«пользователь» {v} «не найден»", "«이메일»{v}«로 전송»",
    "«Konto für» {v} «wurde gesperrt»", "«el correo» {v} «ya existe»", "«cc»: {v}; {v}", "«users»=[{v},{v}]", 'User { «id»: 7, email: "{v}", «role»: Viewer }', "{\"email\":\"{v}\",\"«lang»\":\"de\"}", "«relay» {\\\"to\\\":\\\"{v}\\\"} «queued»",
    "thread '«main»' panicked at «src/mail.rs»:42:9: no mailbox for {v}", "«subscriber»:{v}", "[{v}] «unsubscribed»", "«key (email)=({v}) already exists»", "ERROR: «duplicate key value violates unique constraint» \"users_email_key\" DETAIL: Key (email)=({v}) already exists.", "«notify»->{v}->«done»", "«ｅメール»：{v}。", "{v}: «quota exceeded»", "`{v}` «is not verified»", "«user»={v}/«inbox»"], email, 80)
def email_pct():
    e, _ = email(); e = e.replace("'", ""); q = e.replace("@", "%40").replace("+", "%2B"); return q, [q]
fill("email", ["GET /«verify»?to={v}&«lang»=en", "https://app.example.com/«invite»?recipient={v}", "^POST /«subscribe» «list»=weekly&contact={v}", "«redirect» /u/{v}/«settings»", "«referer» https://shop.example.com/cart?e={v}#«step2»"], email_pct, 14)
def email_uni():
    e = pick(["jürgen.groß@müller-bau.de", "josé@correo.mx", "иван.петров@почта.рф", "renée.dubois@société.fr", "søren@københavn.dk", "用户一@例子.中国"]); return e, [e]
fill("email", ["«delivery deferred» for <{v}>", "«rcpt»=\"{v}\" «tries»=2", "«mailbox» {v} «unavailable»"], email_uni, 10)

# ---------------------------------------------------------------- phone
PH = ["+49 170 #######", "+49 30 ########", "+1 (415) 555-2###", "+1-202-456-####", "+1 646 327 ####", "+44 20 7946 0###", "+44 7700 900###", "+33 6 12 ## ## ##", "+91 98### #####", "+86 138 #### ####", "+81 90-####-####", "+55 11 9####-####", "+61 412 ### ###",
      "+7 912 ###-##-##", "+380 67 ### ## ##", "+971 50 ### ####", "+234 803 ### ####", "+27 82 ### ####", "+31 6 ########", "+34 612 ### ###", "+39 333 #######", "+48 601 ### ###", "+46 70 ### ## ##", "+47 412 ## ###", "+41 79 ### ## ##", "+43 664 #######", "+32 470 ## ## ##",
      "+353 85 ### ####", "+351 912 ### ###", "+358 40 #######", "+420 601 ### ###", "+36 20 ### ####", "+30 691 ### ####", "+90 532 ### ## ##", "+972 54-###-####", "+966 50 ### ####", "+52 55 #### ####", "+57 300 #######", "+82 10-####-####", "+65 91## ####", "+852 91## ####", "+62 812-####-####",
      "+63 917 ### ####", "+84 912 ### ###", "+66 81 ### ####", "+64 21 ### ####", "+254 712 ######", "+49170#######", "+14155552###", "+447700900###", "+919812######", "+33.6.12.##.##.##", "+49 (0)171 #######"]
def hashes(t): return re.sub("#", lambda _: R.choice("23456789"), t)
def phi(): v = hashes(pick(PH)); return v, [v]
fill("phone_intl", ["«sms queued» to {v}", "{v}", "«calling» {v} «failed»: busy", "tel:{v}", "«whatsapp» message for ({v}) «delivered»", '"{v}" «opted out»', "«contact»={v}, «locale»=de", "«电话»{v}«未接»", "«номер» {v} «подтверждён»", "«電話番号»{v}«に発信»", "«twilio» from={v} to={v} «status»=sent", "{\"msisdn\":\"{v}\",\"«tries»\":1}",
   "Customer { «tier»: Gold, phone: \"{v}\" }", "«dial» {v}.", "«Rückruf an» {v} «bis Freitag»", "«llamada a» {v} «perdida»", "«verify»:{v}:«ok»", "[{v}] «blocked»", "{\\\"mobile\\\":\\\"{v}\\\",\\\"«v»\\\":2}"], phi, 50)
def phi_pct(): v = "%2B" + hashes(pick(["49170#######", "14155552###", "447700900###", "33612######"])); return v, [v]
fill("phone_intl", ["POST /«sms»?To={v}&«Channel»=sms", "^«To»={v}&Body=hi"], phi_pct, 4)
def phi00(): v = hashes(pick(["0049 170 #######", "0044 7700 900###", "0033 6 12 ## ## ##", "00491701######", "0048 601 ### ###"])); return v, [v]
fill("phone_intl", ["phone: {v} «rejected by carrier»", "«call» tel {v} «no answer»", "Telefon {v} «ungültig»", "mobile={v} «retry=1»"], phi00, 10)
def phn(): v = hashes(pick(["(415) 555-2###", "415-555-2###", "0170 #######", "030 ########", "020 7946 0###", "07700 900###", "06 12 ## ## ##", "090-####-####", "11 9####-####", "0412 ### ###", "138########", "98########", "612 ### ###", "415.555.2###", "0664/#######", "4155552###"])); return v, [v]
fill("phone_national", ["phone={v} «attempt=2»", "phone: {v}", "{\"phone_number\":\"{v}\",\"«plan»\":\"pro\"}", "«callback» tel. {v} «after 5pm»", "mobile: {v} «unverified»", "Tel: {v}", "«Kunde bittet um Rückruf», Telefon {v}", "«téléphone»: {v}", "Contact { «role»: Owner, phone: \"{v}\", «active»: true }", "fax={v} «pages=3»",
   "phone number {v} «is invalid»", "{\\\"mobile\\\":\\\"{v}\\\",\\\"«ok»\\\":true}", "«сотовый» телефон {v}", "电话：{v}", "cell phone ({v}) «unreachable»", "«lookup failed» for msisdn={v}", "«customer's» telephone is {v}.", "phone='{v}' «carrier=unknown»", "mobile_phone = \"{v}\"", "teléfono {v} «ocupado»"], phn, 46)

# ---------------------------------------------------------------- network
def ip4():
    a = pick([f"10.{R.randint(0,255)}.{R.randint(0,255)}.{R.randint(1,254)}", f"192.168.{R.randint(0,255)}.{R.randint(1,254)}", f"172.{R.randint(16,31)}.{R.randint(0,255)}.{R.randint(1,254)}", f"203.0.113.{R.randint(1,254)}", f"{R.choice([23,34,52,78,84,91,151,185,193,212,217])}.{R.randint(0,255)}.{R.randint(0,255)}.{R.randint(1,254)}", f"{R.randint(45,200)}.{R.randint(10,255)}.{R.randint(10,255)}.{R.randint(10,254)}"])
    return a, [a]
fill("ipv4", ["{v} - - [12/May/2024:08:14:33 +0000] \"«GET /health HTTP/1.1»\" 200 12", "«connection reset» by {v}:51724", "«accepted» from {v}", "{v}", "({v})", "«client»={v} «latency=3ms»", "X-Forwarded-For: {v}, {v}", "X-Real-IP: {v}", "«upstream» http://{v}:8080/«healthz» «timed out»", "«banned» {v} after 5 «failures»", "«用户»{v}«已存在»", "«адрес» {v} «заблокирован»", "«IP:»{v}«へ接続»",
   "Os { code: 111, kind: «ConnectionRefused» } connecting to {v}:5432", "remote_addr=\"{v}\" «proto=h2»", "{\"client_ip\":\"{v}\",\"«asn»\":3320}", "Some({v}:49152) «disconnected»", "peer: V4({v}:40112), «stream»: 3", "«sshd»: Failed password for invalid user from {v} port 52211 «ssh2»", "[{v}] «handshake complete»", "tcp://{v}:2375 «unreachable»", "«dns» A {v} «ttl»=300", "{v}/24 «route added»", "«src»={v} «dst»={v} «len»=60", "{\\\"ip\\\":\\\"{v}\\\",\\\"«geo»\\\":null}",
   "SocketAddr { ip: {v}, «port»: 443 }", "«Verbindung von» {v} «abgelehnt».", "ip={v};«zone»=eu", "origin:{v},«via»:edge", "<{v}> «throttled»", "«gateway»={v}", "from {v}: «icmp_seq»=1 «ttl»=57"], ip4, 56)
def ip6():
    g = lambda: f"{R.randint(0x100,0xffff):x}"
    v = pick([f"2001:db8:{g()}:{g()}::{R.randint(1,254):x}", f"2a02:{g()}:{g()}:{g()}:{g()}:{g()}:{g()}:{g()}", f"fe80::{g()}:{R.randint(16,255):x}ff:fe{R.randint(16,255):02x}:{g()}", f"2606:4700:{g()}::{g()}:{g()}", f"fd{R.randint(16,255):02x}:{g()}:{g()}::{R.randint(2,99)}", f"2001:0db8:0000:{g().rjust(4,'0')}:0000:8a2e:0370:{g().rjust(4,'0')}", f"2A00:1450:{g().upper()}:80A::200E", f"::ffff:203.0.113.{R.randint(2,250)}", f"2001:db8::{g()}"])
    return v, [v]
fill("ipv6", ["«accepted» from [{v}]:51724", "{v}", "«client»={v} «latency=3ms»", "X-Forwarded-For: {v}", "{v} - - [12/May/2024:08:14:33 +0000] \"«GET / HTTP/2.0»\" 200 0", "http://[{v}]:8080/«status» «unreachable»", "({v})", "origin:{v} «rejected»", "«用户»{v}«已封禁»", "\"{v}\" «is not in pool»", "peer: V6([{v}]:443), «stream»: 9", "{\"addr\":\"{v}\",\"«asn»\":6939}", "{v}/64 «announced»", "«neighbor» {v} «STALE»", "«src»={v}, «dst»={v}", "«сервер» {v} «недоступен»", "remote=[{v}]:40112 «closed»", "ip6={v};«zone»=eu", "{\\\"ip\\\":\\\"{v}\\\"}", "«ping» {v}: «timeout»."], ip6, 48)
def mac():
    o = [f"{R.randint(16,255):02x}" for _ in range(6)]
    o[0] = pick(["3c", "a4", "f0", "00", "dc", "b8"])
    v = pick([":".join(o), "-".join(o).upper(), ":".join(o).upper(), "".join(o[:2]) + "." + "".join(o[2:4]) + "." + "".join(o[4:])]); return v, [v]
fill("mac", ["«DHCPREQUEST» from {v} via «eth0»", "{v}", "«wlan0»: associated with {v}", "mac={v} «vlan=12»", "«link/ether» {v} «brd»", "({v}) «roamed»", "{\"mac\":\"{v}\",\"«rssi»\":-61}", "«device» {v} «offline»", "«设备»{v}«已连接»", "\"{v}\" «not allowed»", "«arp» who-has {v}?", "hw_addr: \"{v}\", «mtu»: 1500", "«Gerät» {v}, «Kanal» 6", "[{v}] «deauthenticated»", "bssid={v} «signal=-40»", "{\\\"mac\\\":\\\"{v}\\\"}", "«station» {v}: «aged out»"], mac, 40)
def hostv():
    f = asc(pick(FIRST)).lower()
    v = pick([f"{f}s-macbook-pro.local", f"DESKTOP-{rs(7, 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789')}", f"fra{R.randint(1,9)}-worker-{R.randint(10,99)}.corp.example.net", f"{f}-thinkpad", f"srv{dig(4)}.dc2.example.org", f"db-{R.randint(10,99)}.prod.internal"]); return v, [v]
kvfill("hostname", ["host", "hostname", "host.name", "host_name", "server_host", "peer_host", "HOSTNAME"], hostv, 26)
def hostip():
    v = f"ip-10-{R.randint(0,255)}-{R.randint(0,255)}-{R.randint(1,254)}" + pick(["", ".ec2.internal", ".eu-central-1.compute.internal"]); return v, [v.split(".")[0]]
fill("hostname", ["«node» {v} «joined cluster»", "«kubelet» on {v} «stopped posting status»", "{v}: «disk pressure»", "\"{v}\" «cordoned»", "«drain» ({v}) «finished»", "«leader»={v} «term»=7"], hostip, 16)

# ---------------------------------------------------------------- money
def luhn_fix(s):
    for d in "0123456789":
        t = s + d; tot = 0
        for i, c in enumerate(reversed(t)):
            x = int(c)
            if i % 2: x = x * 2 - 9 if x > 4 else x * 2
            tot += x
        if tot % 10 == 0: return t
def luhn_ok(t): return luhn_fix(t[:-1]) == t
def card():
    p, n = pick([("4", 16), ("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("2718", 16), ("2512", 16), ("34", 15), ("37", 15), ("6011", 16), ("65", 16), ("3528", 16), ("3569", 16), ("36", 14), ("3852", 14), ("305", 14), ("6221", 16), ("6250", 19), ("4", 19)])
    c = luhn_fix(p + dig(n - 1 - len(p)))
    st = R.random()
    if st < .4: v = c
    elif n == 15: s = pick(" -"); v = s.join([c[:4], c[4:10], c[10:]])
    elif n == 14: s = pick(" -"); v = s.join([c[:4], c[4:10], c[10:]])
    else: s = pick(" -"); v = s.join(c[i:i + 4] for i in range(0, n, 4))
    return v, [v]
fill("credit_card", ["«charge failed» for card {v}", "{v}", "card={v} «amount=12.00»", "{\"card_number\":\"{v}\",\"«currency»\":\"EUR\"}", "PaymentMethod { «brand»: Visa, number: \"{v}\", «exp»: 1226 }", "«payment» with {v} «declined»", "({v})", "pan:{v},«cvv»:***", "«支付卡»{v}«被拒绝»", "«карта» {v} «просрочена»", "\"{v}\" «is expired»", "«Zahlung mit Karte» {v} «abgelehnt».", "INSERT INTO «payments» VALUES (7, '{v}', 1299)", "{\\\"pan\\\":\\\"{v}\\\",\\\"«ok»\\\":false}", "«tarjeta» {v}, «importe» 30", "[{v}] «tokenised»", "cc: {v}", "«カード»{v}«承認»", "«refund» to {v}: «pending»"], card, 56)
IB = {"DE": "18n", "GB": "4a14n", "FR": "20n1a2n", "NL": "4a10n", "ES": "20n", "IT": "1a10n12n", "AT": "16n", "CH": "17n", "BE": "12n", "PL": "24n", "SE": "20n", "NO": "11n", "DK": "14n", "FI": "14n", "PT": "21n", "IE": "4a14n", "CZ": "20n", "HU": "24n", "GR": "23n", "TR": "22n", "SA": "20n", "AE": "19n", "MT": "4a23n", "LU": "16n"}
def iban():
    cc = pick(list(IB)); b = "".join(rs(int(n), string.digits if k == "n" else string.ascii_uppercase) for n, k in re.findall(r"(\d+)([na])", IB[cc]))
    num = int("".join(str(int(c, 36)) for c in b + cc + "00")); v = f"{cc}{98 - num % 97:02}{b}"
    assert int("".join(str(int(c, 36)) for c in v[4:] + v[:4])) % 97 == 1
    st = R.random()
    if st < .4: v = " ".join(v[i:i + 4] for i in range(0, len(v), 4))
    elif st < .5: v = v.lower()
    return v, [v]
fill("iban", ["«transfer» to {v} «rejected»", "{v}", "iban={v} «amount=250.00»", "{\"iban\":\"{v}\",\"«bic»\":\"X\"}", "«SEPA mandate» ({v}) «revoked»", "Payout { «state»: Pending, iban: \"{v}\" }", "«Überweisung an» {v}, «Betrag» 12,50", "«virement vers» {v} «refusé»", "«账户»{v}«已冻结»", "\"{v}\" «failed validation»", "IBAN: {v}", "POST /«payout»?iban={v}&«ccy»=EUR", "{\\\"iban\\\":\\\"{v}\\\",\\\"«n»\\\":1}", "«счёт» {v} «закрыт»", "[{v}] «credited»", "«beneficiary account» {v}.", "«debit» {v}; «ref»=77"], lambda: iban(), 44)
POS[:] = [p for p in POS if not (p["kind"] == "iban" and "?iban=" in p["text"] and " " in p["secrets"][0])]  # no spaces inside a URL

# ---------------------------------------------------------------- ids of states
def ssn():
    a = R.choice([x for x in range(1, 900) if x != 666]); v = f"{a:03}-{R.randint(1,99):02}-{R.randint(1,9999):04}"; return v, [v]
fill("us_ssn", ["«applicant» ssn {v} «rejected»", "ssn={v} «attempt=1»", "{\"ssn\":\"{v}\",\"«state»\":\"NY\"}", "SSN: {v}", "«social security number» {v} «on file»", "Employee { «grade»: 4, ssn: \"{v}\" }", "({v}) «duplicate applicant»", "«W-2 for» {v} «generated»", "{\\\"ssn\\\":\\\"{v}\\\"}", "\"{v}\" «mismatch»", "«verify» SSN {v}, «bureau»=EFX", "{v}"], ssn, 30)
def ssnb(): v, _ = ssn(); v = v.replace("-", ""); return v, [v]
fill("us_ssn", ["ssn={v} «attempt=1»", "{\"ssn\":\"{v}\"}", "SSN {v} «not found»", "social security number: {v}", "Applicant { ssn: {v}, «score»: 3 }"], ssnb, 12)

def verhoeff(num):
    d = [[0,1,2,3,4,5,6,7,8,9],[1,2,3,4,0,6,7,8,9,5],[2,3,4,0,1,7,8,9,5,6],[3,4,0,1,2,8,9,5,6,7],[4,0,1,2,3,9,5,6,7,8],[5,9,8,7,6,0,4,3,2,1],[6,5,9,8,7,1,0,4,3,2],[7,6,5,9,8,2,1,0,4,3],[8,7,6,5,9,3,2,1,0,4],[9,8,7,6,5,4,3,2,1,0]]
    p = [[0,1,2,3,4,5,6,7,8,9],[1,5,7,6,2,8,3,0,9,4],[5,8,0,3,7,9,6,1,4,2],[8,9,1,6,0,4,3,5,2,7],[9,4,5,3,1,2,6,8,7,0],[4,2,8,6,5,7,3,9,0,1],[2,7,9,3,8,0,6,4,1,5],[7,0,4,6,9,1,3,2,5,8]]
    inv = [0,4,3,2,1,5,6,7,8,9]; c = 0
    for i, x in enumerate(reversed(num)): c = d[c][p[(i + 1) % 8][int(x)]]
    return num + str(inv[c])
def aadhaar(): s = verhoeff(rs(1, "23456789") + dig(10)); return pick([s, f"{s[:4]} {s[4:8]} {s[8:]}"])
def nhs():
    while 1:
        s = pick("4679") + dig(8); c = 11 - sum(int(x) * (10 - i) for i, x in enumerate(s)) % 11
        c = 0 if c == 11 else c
        if c != 10: s += str(c); return pick([s, f"{s[:3]} {s[3:6]} {s[6:]}"])
def ymd(a=50, b=99): return R.randint(a, b), R.randint(1, 12), R.randint(1, 28)
def pesel():
    y, m, d = ymd(); s = f"{y:02}{m:02}{d:02}" + dig(4); c = sum(int(x) * w for x, w in zip(s, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3))); return s + str(-c % 10)
def cpf():
    s = dig(9)
    for n in (10, 11):
        r = sum(int(x) * (n - i) for i, x in enumerate(s)) * 10 % 11; s += str(r % 10)
    return pick([s, f"{s[:3]}.{s[3:6]}.{s[6:9]}-{s[9:]}"])
def cnpj():
    s = dig(8) + "0001"
    for w in ([5,4,3,2,9,8,7,6,5,4,3,2], [6,5,4,3,2,9,8,7,6,5,4,3,2]):
        r = sum(int(x) * y for x, y in zip(s, w)) % 11; s += str(0 if r < 2 else 11 - r)
    return pick([s, f"{s[:2]}.{s[2:5]}.{s[5:8]}/{s[8:12]}-{s[12:]}"])
def bsn():
    while 1:
        s = nz(8); r = sum(int(x) * (9 - i) for i, x in enumerate(s)) % 11
        if r < 10: return s + str(r)
def dni(): n = R.randint(10000000, 99999999); return f"{n}" + pick(["", "-"]) + "TRWAGMYFPDXBNJZSQVHLCKE"[n % 23]
def nie(): i = R.randint(0, 2); n = dig(7); return "XYZ"[i] + pick(["", "-"]) + n + "TRWAGMYFPDXBNJZSQVHLCKE"[int(str(i) + n) % 23]
def nir():
    y, m, d = ymd(); s = pick("12") + f"{y:02}{m:02}{R.choice([75,13,69,33,59,76]):02}{R.randint(1,400):03}{R.randint(1,999):03}"; k = 97 - int(s) % 97
    return pick([f"{s}{k:02}", f"{s[0]} {s[1:3]} {s[3:5]} {s[5:7]} {s[7:10]} {s[10:]} {k:02}"])
def codice():
    y, m, d = ymd(); s = rs(6, "BCDFGLMNPRSTV") + f"{y:02}" + "ABCDEHLMPRST"[m - 1] + f"{d + R.choice([0, 40]):02}" + pick("ABCDEFGHIL") + f"{R.randint(100,999)}"
    odd = dict(zip("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", [1,0,5,7,9,13,15,17,19,21,1,0,5,7,9,13,15,17,19,21,2,4,18,20,11,3,6,8,12,14,16,10,22,25,24,23]))
    ev = lambda c: int(c) if c.isdigit() else ord(c) - 65
    return s + chr(65 + sum(odd[c] if i % 2 == 0 else ev(c) for i, c in enumerate(s)) % 26)
def hetu():
    y, m, d = ymd(); n = R.randint(2, 899); s = f"{d:02}{m:02}{y:02}"; return f"{s}-{n:03}" + "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(s + f"{n:03}") % 31]
def persnr():
    y, m, d = ymd(); s = luhn_fix(f"{y:02}{m:02}{d:02}{dig(3)}"); return pick([s[:6] + "-" + s[6:], "19" + s[:6] + "-" + s[6:], "19" + s])
def steuer():
    ds = list("0123456789"); R.shuffle(ds); ds = ds[:9]; dup = pick(ds); ds.append(dup)
    while 1:
        R.shuffle(ds)
        if ds[0] != "0": break
    p = 10
    for x in ds:
        t = (int(x) + p) % 10 or 10; p = t * 2 % 11
    c = (11 - p) % 10; s = "".join(ds) + str(c); return pick([s, f"{s[:2]} {s[2:5]} {s[5:8]} {s[8:]}"])
def tfn():
    while 1:
        s = nz(9)
        if sum(int(x) * w for x, w in zip(s, (1, 4, 3, 7, 5, 8, 6, 9, 10))) % 11 == 0: return pick([s, f"{s[:3]} {s[3:6]} {s[6:]}"])
def nino():
    s = pick("ABCEGHJKLMNPRSTWXYZ") + pick("ABCEGHJKLMNPRSTWXYZ")
    if s in ("BG", "GB", "NK", "KN", "TN", "NT", "ZZ"): s = "AB"
    d = dig(6); return pick([s + d + pick("ABCD"), f"{s} {d[:2]} {d[2:4]} {d[4:]} {pick('ABCD')}"])
def aba():
    while 1:
        s = f"{R.choice(list(range(1,13)) + list(range(21,33))):02}" + dig(7)
        if sum(int(x) * w for x, w in zip(s, (3, 7, 1) * 3)) % 10 == 0: return s
def china():
    s = pick(["110101", "310104", "440305", "330106"]) + f"19{R.randint(60,99)}{R.randint(1,12):02}{R.randint(1,28):02}" + dig(3)
    return s + "10X98765432"[sum(int(x) * w for x, w in zip(s, (7,9,10,5,8,4,2,1,6,3,7,9,10,5,8,4,2))) % 11]
NAT = {"aadhaar": (aadhaar, ["aadhaar", "aadhaar_number", "Aadhaar no"]), "nhs": (nhs, ["nhs_number", "NHS number", "nhs_no"]), "pesel": (pesel, ["pesel", "PESEL", "numer PESEL"]), "cpf": (cpf, ["cpf", "CPF"]), "cnpj": (cnpj, ["cnpj", "CNPJ"]), "bsn": (bsn, ["bsn", "BSN"]),
       "dni": (dni, ["dni", "DNI"]), "nie": (nie, ["nie", "NIE"]), "nir": (nir, ["nir", "NIR", "numéro de sécurité sociale"]), "codice_fiscale": (codice, ["codice_fiscale", "codice fiscale", "CF"]), "hetu": (hetu, ["hetu", "henkilötunnus", "HETU"]), "personnummer": (persnr, ["personnummer", "Personnummer"]),
       "steuer_id": (steuer, ["steuer_id", "Steuer-ID", "IdNr", "Steueridentifikationsnummer"]), "tfn": (tfn, ["tfn", "TFN", "tax file number"]), "nino": (nino, ["nino", "NINO", "national insurance number"]), "aba_routing": (aba, ["routing_number", "ABA routing number", "aba"]), "china_ric": (china, ["身份证号", "身份证", "id_card"])}
for k, (g, ctx) in NAT.items():
    gv = lambda g=g: (lambda v: (v, [v]))(g())
    t = []
    for c in ctx:
        ck = c.replace(" ", "_")
        t += [f"«verification failed» for {c} {{v}}", f"{ck}={{v}} «attempt=2»" , f"{c}: {{v}}", f'{{"{ck}":"{{v}}","«country»":"X"}}', f'«Person» {{ «status»: Active, {ck if ck.isascii() else next(x for x in ctx if x.isascii()).replace(" ", "_")}: "{{v}}" }}', f"«check» ({c} {{v}}) «passed»", f'{{\\"{ck}\\":\\"{{v}}\\",\\"«n»\\":2}}', f'«import row 12»: {c}="{{v}}", «skipped»']
    t = [x if "={v}" not in x else x for x in t]
    R.shuffle(t)
    fill("national_id_" + k, [x for x in t], gv, 20)
# unquoted key=value with spaces inside the value is not realistic: quote those
for p in POS:
    if p["kind"].startswith("national_id_") and " " in p["secrets"][0] and "=" + p["secrets"][0] in p["text"]:
        p["text"] = p["text"].replace("=" + p["secrets"][0], '="' + p["secrets"][0] + '"')
# letter-bearing / punctuated national forms without a context word
for g, k in ((codice, "codice_fiscale"), (hetu, "hetu")):
    fill("national_id_" + k, ["«record» {v} «merged»", "({v}) «imported»", "«row» 17: {v}, «ok»"], (lambda g=g: (lambda v: (v, [v]))(g())), 5)

# ---------------------------------------------------------------- tokens
def jb(o): return base64.urlsafe_b64encode(json.dumps(o, separators=(",", ":")).encode()).decode().rstrip("=")
def jwt():
    alg, n = pick([("HS256", 43), ("RS256", 342), ("ES256", 86), ("EdDSA", 86), ("HS512", 86)])
    h = pick([{"alg": alg, "typ": "JWT"}, {"typ": "JWT", "alg": alg}, {"alg": alg, "kid": hexs(8)}, {"kid": b62(10), "typ": "at+jwt", "alg": alg}])
    t = jb(h) + "." + jb({"sub": dig(10), "iat": R.randint(1700000000, 1716000000), "scope": pick(["read", "read write", "admin"])}) + "." + b64uu(n); return t, [t]
fill("jwt", ["Authorization: Bearer {v}", "«decode failed» for {v}: «ExpiredSignature»", "{v}", "token={v} «valid=false»", "{\"access_token\":\"{v}\",\"«expires_in»\":3600}", "GET /«ws»?token={v}&«v»=2", "id_token={v}", "«refresh» ({v}) «revoked»", "«令牌»{v}«已过期»", "«токен» {v} «отклонён»", "Session { «ttl»: 300, jwt: \"{v}\" }", "curl -H 'Authorization: Bearer {v}' https://api.example.com/«v1/me»", "Set-Cookie: auth={v}; Path=/; HttpOnly", "{\\\"jwt\\\":\\\"{v}\\\",\\\"«ok»\\\":true}", "\"{v}\" «malformed»", "https://app.example.com/«cb»#access_token={v}&«token_type»=bearer", "«got» {v}.", "«jwt»:{v},«next»"], jwt, 42)
def opaque(): v = pick([b62(32), b64uu(43), hexs(40), b62(24) + "." + b64uu(20), b64bytes(33), b62(16)]); return v, [v]
fill("bearer_basic", ["Authorization: Bearer {v}", "authorization: bearer {v}", "> Authorization: Bearer {v}\n> «Accept»: */*", "curl -sH \"Authorization: Bearer {v}\" https://api.example.com/«v2/jobs»", "{\"authorization\":\"Bearer {v}\",\"«accept»\":\"*/*\"}", "headers={\"«accept»\": \"*/*\", \"authorization\": \"Bearer {v}\"}", "«request» sent with Bearer {v} «got 401»", "Proxy-Authorization: Bearer {v}", "\"Bearer {v}\" «was rejected»", "AUTHORIZATION: BEARER {v}", "{\\\"Authorization\\\":\\\"Bearer {v}\\\"}", "HeaderMap: {\"«accept»\": \"x\", \"authorization\": \"Bearer {v}\"}", "Authorization: Token {v}", "-H 'authorization: Bearer {v}' «--compressed»", "grpc «metadata»: authorization=Bearer {v}"], opaque, 34)
def basic():
    v = base64.b64encode(f"{uname()}:{pw()}".encode()).decode(); return v, [v]
fill("bearer_basic", ["Authorization: Basic {v}", "authorization: basic {v}", "Proxy-Authorization: Basic {v}", "{\"authorization\":\"Basic {v}\"}", "curl -H 'Authorization: Basic {v}' https://repo.example.com/«simple»", "< «WWW-Authenticate» ... > Authorization: Basic {v}", "«proxy» sent Basic {v} «to upstream»"], basic, 20)

AWS32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
def gh(p): e = b62(30); return p + e + crc62(e)
def ghpat(): a, e = b62(22), b62(53); return f"github_pat_{a}_{e}{crc62(e)}"
def atl():
    b = "ATATT3xFfGF0" + b64u(170) + b62(1) + "="; return b + f"{zlib.crc32(b.encode()):08X}"
def glsa(): s = "glsa_" + b62(32); return s + "_" + zlib.crc32(s.encode()).to_bytes(4, "little").hex()
def uu(): h = hexs(32); return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:]}"
V = {  # name -> list of (generator, context key or None)
 "aws": [(lambda: pick(["AKIA", "ASIA"]) + rs(16, AWS32), None)] * 2 + [(lambda: (b64bytes(30).replace("=", "A"))[:40], "aws_secret_access_key"), (lambda: b64bytes(30)[:40], "AWS_SECRET_ACCESS_KEY")],
 "gcp": [(lambda: "AIza" + b64u(34) + b62(1), None)] * 2 + [(lambda: "GOCSPX-" + b64u(27) + b62(1), None), (lambda: "ya29." + b64u(120) + b62(1), None), (lambda: "ya29.a0" + b64u(150) + b62(1), None)],
 "azure": [(lambda: base64.b64encode(R.randbytes(64)).decode(), "AccountKey"), (lambda: b62(3) + "8Q~" + rs(33, A62 + "~_.-") + b62(1), None), (lambda: base64.b64encode(R.randbytes(32)).decode(), "SharedAccessKey"), (lambda: b62(3) + "8Q~" + b62(34), "client_secret")],
 "stripe": [(lambda: "sk_live_" + b62(24), None), (lambda: "rk_live_" + b62(24), None), (lambda: "sk_live_51" + b62(97), None), (lambda: "whsec_" + b62(32), None), (lambda: "sk_test_" + b62(24), None)],
 "slack": [(lambda: f"xoxb-{nz(12)}-{nz(13)}-{b62(24)}", None), (lambda: f"xoxp-{nz(12)}-{nz(12)}-{nz(13)}-{hexs(32)}", None), (lambda: f"xapp-1-A0{rs(9, string.ascii_uppercase + string.digits)}-{nz(13)}-{hexs(64)}", None), (lambda: f"https://hooks.slack.com/services/T{rs(8, AWS32)}/B{rs(10, AWS32)}/{b62(24)}", None)],
 "github": [(lambda: gh("ghp_"), None), (lambda: gh("gho_"), None), (lambda: gh("ghs_"), None), (lambda: gh("ghu_"), None), (lambda: gh("ghr_"), None), (ghpat, None)],
 "gitlab": [(lambda: "glpat-" + b64u(19) + b62(1), None)] * 2 + [(lambda: "gldt-" + b64u(19) + b62(1), None), (lambda: "glrt-" + b64u(19) + b62(1), None), (lambda: "glptt-" + hexs(40), None)],
 "npm": [(lambda: gh("npm_"), None)], "pypi": [(lambda: "pypi-AgEIcHlwaS5vcmc" + b64u(150) + b62(1), None)],
 "openai": [(lambda: "sk-" + b62(20) + "T3BlbkFJ" + b62(20), None), (lambda: "sk-proj-" + b64u(73) + b62(1) + "T3BlbkFJ" + b64u(73) + b62(1), None), (lambda: "sk-svcacct-" + b64u(57) + b62(1) + "T3BlbkFJ" + b64u(57) + b62(1), None)],
 "anthropic": [(lambda: "sk-ant-api03-" + b64u(92) + b62(1) + "AA", None), (lambda: "sk-ant-admin01-" + b64u(92) + b62(1) + "AA", None)],
 "sendgrid": [(lambda: f"SG.{b64u(21)}{b62(1)}.{b64u(42)}{b62(1)}", None)],
 "twilio": [(lambda: "SK" + hexs(32), "twilio_api_key"), (lambda: hexs(32), "TWILIO_AUTH_TOKEN"), (lambda: "SK" + hexs(32), None)],
 "digitalocean": [(lambda: pick(["dop_v1_", "doo_v1_", "dor_v1_"]) + hexs(64), None)], "huggingface": [(lambda: "hf_" + rs(34, string.ascii_letters), None)],
 "shopify": [(lambda: pick(["shpat_", "shpca_", "shppa_", "shpss_"]) + hexs(32), None)], "mailgun": [(lambda: "key-" + hexs(32), None), (lambda: f"{hexs(32)}-{hexs(8)}-{hexs(8)}", "MAILGUN_API_KEY")],
 "telegram": [(lambda: f"{nz(10)}:AA{b64u(32)}{b62(1)}", None)], "discord": [(lambda: f"{base64.b64encode(nz(18).encode()).decode()}.G{b64u(4)}{b62(1)}.{b64u(37)}{b62(1)}", None), (lambda: f"https://discord.com/api/webhooks/{nz(19)}/{b64u(67)}{b62(1)}", None)],
 "databricks": [(lambda: "dapi" + hexs(32), None), (lambda: "dapi" + hexs(32) + "-2", None)], "grafana": [(glsa, None), (lambda: "glc_" + base64.b64encode(json.dumps({"o": nz(6), "n": "stack-writer", "k": b62(24), "m": {"r": "eu"}}).encode()).decode(), None)],
 "vault": [(lambda: "hvs." + b64u(89) + b62(1), None), (lambda: "hvs." + b62(24), None), (lambda: "hvb." + b64u(140) + b62(1), None)], "atlassian": [(atl, None)], "linear": [(lambda: "lin_api_" + b62(40), None)],
 "notion": [(lambda: "ntn_" + nz(11) + b62(35), None), (lambda: "secret_" + b62(43), None)],
 "cratesio": [(lambda: "cio" + b62(32), None)], "docker": [(lambda: "dckr_pat_" + b64u(26) + b62(1), None)], "terraform": [(lambda: b62(14) + ".atlasv1." + b64u(66) + b62(1), None)],
 "other": [(lambda: "PMAK-" + hexs(24) + "-" + hexs(34), None), (lambda: "NRAK-" + rs(27, string.ascii_uppercase + string.digits), None), (lambda: "sq0atp-" + b64u(21) + b62(1), None), (lambda: "sntryu_" + hexs(64), None), (lambda: "sbp_" + hexs(40), None),
   (lambda: "dp.pt." + b62(43), None), (lambda: "pscale_tkn_" + b62(43), None), (lambda: "gsk_" + b62(52), None), (lambda: "r8_" + b62(37), None), (lambda: "pul-" + hexs(40), None), (lambda: "rubygems_" + hexs(48), None), (lambda: "AGE-SECRET-KEY-1" + rs(58, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"), None),
   (lambda: hexs(32) + "-us" + str(R.randint(2, 21)), "mailchimp_api_key"), (lambda: "xkeysib-" + hexs(64) + "-" + b62(16), None), (lambda: "figd_" + b64u(39) + b62(1), None), (lambda: "CLOJARS_" + rs(60, string.ascii_lowercase + string.digits), None), (lambda: "shippo_live_" + hexs(40), None), (lambda: "dt0c01." + rs(24, AWS32) + "." + rs(64, AWS32), None),
   (lambda: "oy2" + low(43), "NUGET_API_KEY"), (lambda: "pat" + b62(14) + "." + hexs(64), None), (lambda: "tskey-auth-" + b62(12) + "CNTRL-" + b62(32), None), (lambda: "sk-or-v1-" + hexs(64), None), (lambda: hexs(32), "DD_API_KEY"), (lambda: "tfp_" + b62(44) + "_" + b62(14), None), (lambda: "pnu_" + low(36), None), (lambda: "pplx-" + b62(48), None), (lambda: "EAAA" + b64u(59) + b62(1), "square_access_token"), (lambda: "HRKU-AA" + b64u(57) + b62(1), None)]}
VT = ["«deploy failed»: credential {v} «was rejected»", "{v}", "using {v} «for upload»", "\"{v}\" «expired»", "({v})", "^{\"«step»\":\"init\",\"value\":\"{v}\"}", "«got» {\\\"v\\\":\\\"{v}\\\"} «from cache»", "Client { «retries»: 3, key: \"{v}\", «timeout»: 30s }", "«密钥»{v}«泄露»", "«ключ» {v} «отозван»", "argv [\"--region\", \"eu\", \"--key\", \"{v}\"]", "token={v} «ttl=60»", "export API_TOKEN={v}", "api_key: {v}", "Authorization: Bearer {v}", "GET /«v1/items»?api_key={v}&«limit»=5", "«schlüssel» '{v}' «ungültig».", "x-api-key: {v}", "«leaked»:{v},«line»:7", "[{v}]", "«rotating» {v} -> «pending»", "key = \"{v}\"", "+    api_key: \"{v}\","]
VK = ["{k}={v} «retries=2»", "{\"{k}\":\"{v}\",\"«region»\":\"eu-west-1\"}", "«Config» { «region»: \"eu\", {k}: \"{v}\" }", "{k} = \"{v}\"", "{k}: {v}", "export {k}='{v}'", "{\\\"{k}\\\":\\\"{v}\\\"}", "«loaded» {k}=\"{v}\" «from env»"]
for vn, gens in V.items():
    n = 70 if vn == "other" else (18 if len(gens) > 2 else 13)
    order, korder = [], []
    seq = [gens[i % len(gens)] for i in range(n)]
    for g, ctx in seq:
        if ctx:
            if not korder: korder = VK[:]; R.shuffle(korder)
            t = korder.pop().replace("{k}", ctx)
        else:
            if not order: order = VT[:]; R.shuffle(order)
            t = order.pop()
        v = g()
        if v.startswith("https:") and ("?api_key=" in t or "Bearer" in t): t = "«posting alert to» {v} «failed»"
        s = [v] if not v.startswith("https:") else [v.rsplit("/", 1)[1]]
        add("vendor_key_" + vn, ("" if t.startswith("^") else pre()) + t.lstrip("^").replace("{v}", v), s)

# PEM
def pem():
    typ = pick(["RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "DSA PRIVATE KEY", "PRIVATE KEY"])
    head = {"RSA PRIVATE KEY": "MIIEpAIBAAKCAQEA", "PRIVATE KEY": "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC", "EC PRIVATE KEY": "MHcCAQEEI", "OPENSSH PRIVATE KEY": "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAE", "ENCRYPTED PRIVATE KEY": "MIIFHDBOBgkqhkiG9w0BBQ0w", "DSA PRIVATE KEY": "MIIBuwIBAAKBgQD"}[typ]
    body = head + b64bytes(R.choice([90, 180, 300])).rstrip("="); lines = [body[i:i + 64] for i in range(0, len(body), 64)]
    return typ, lines
for i in range(34):
    typ, L = pem(); nl = pick(["\n", "\\n", "\n", "\\n", "\r\n"]); end = i % 6 != 5
    t = f"-----BEGIN {typ}-----{nl}" + nl.join(L) + (f"{nl}-----END {typ}-----" if end else "")
    w = pick(["{v}", "«loaded key»:\n{v}", "{\"«type»\":\"service_account\",\"private_key\":\"{v}\"}" if "\\n" in nl and end else "«tls» key={v}", "TLS_KEY=\"{v}\"" if end else "«dump» {v}", "«rustls»: invalid private key: {v}" + ("\n«continuing without TLS»" if end else ""), "Identity { pem: \"{v}\" }" if end else "«got» {v}"])
    add("pem", ("" if "BEGIN" == w[:5] else pre()) + w.replace("{v}", t), [x for x in L if len(x) >= 8])
for i in range(3):
    L = [b64bytes(48) for _ in range(5)]
    add("pem", "«gpg export»:\n-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n" + "\n".join(L) + "\n=" + b62(4) + "\n-----END PGP PRIVATE KEY BLOCK-----\n«done»", L)

# high entropy under secret-like keys
def ent(): v = pick([b62(32), b62(40), b64uu(43), hexs(64), hexs(32), b64bytes(32), b64bytes(24), rs(24, A62 + "!#%^*+-_~")]); return v, [v]
kvfill("high_entropy", ["secret_key", "signing_key", "encryption_key", "client_secret", "hmac_secret", "app_key", "apikey", "API_KEY", "storage_key", "webhook_secret", "shared_key", "service_key", "appSecret", "consumer_secret", "master_key", "x-api-key", "jwt_secret", "Ocp-Apim-Subscription-Key", "x-functions-key", "session_secret", "deploy_key"], ent, 50)

# URL userinfo
for i in range(34):
    u, p = uname(), pick([pw(), b62(20), "p%40" + b62(6) + "%2F" + dig(2), b62(4) + "@" + b62(5)])
    u = pick([u, u, "deploy", "oauth2", "x-access-token"])
    sch = pick(["https", "http", "ftp", "sftp", "ssh", "https", "wss", "smtp"]); h = pick(["git.example.com/org/repo.git", "proxy.example.net:3128", "registry.example.org/v2/", "feeds.example.com/rss?«page»=1".replace("«", "").replace("»", ""), "mail.example.com:587"])
    t = pick(["«cloning» {v} «failed»", "{v}", "«remote»: {v}", "\"{v}\" «unreachable»", "http_proxy={v}", "fatal: «unable to access» '{v}': «Could not resolve host»", "{\"«op»\":\"fetch\",\"url\":\"{v}\"}", "«запрос» {v} «завершён»", "«请求»{v}«失败»", "Url { «scheme»: x, raw: \"{v}\" }", "({v})", "error sending request for url ({v}): «connection closed»", "url.full={v} «http.status_code=502»"])
    p = p.replace("#", "x")
    add("url_userinfo", pre() + t.replace("{v}", f"{sch}://{u}:{p}@{h}"), [p] + ([u] if "." in u or "_" in u else []))
for i in range(4):
    tok = b62(36); add("url_userinfo", pre() + f"«git push» https://{tok}@git.example.com/org/repo.git «rejected»", [tok])

# URL query secrets
QK = ["access_token", "token", "api_key", "apikey", "sig", "Signature", "X-Amz-Signature", "X-Goog-Signature", "client_secret", "password", "refresh_token", "auth_token", "session_token", "X-Amz-Security-Token", "secret", "key_secret", "pwd", "otp", "id_token", "X-Amz-Credential", "sas_token", "jwt"]
for i in range(60):
    k = QK[i % len(QK)]
    v = hexs(64) if "Sig" in k and "X-" in k else (nz(6) if k == "otp" else pw().replace("^", "").replace("#", "").replace("*", "") if k in ("password", "pwd") else rs(5, string.ascii_uppercase) + urllib.parse.quote(b64bytes(20)) if k in ("sig", "Signature") else pick([b62(32), b64uu(43), hexs(32), b62(11)]))
    if k == "X-Amz-Credential": v = "AKIA" + rs(16, AWS32) + "%2F20240512%2Feu-west-1%2Fs3%2Faws4_request"
    base = pick(["https://api.example.com/v1/«items»?«page»=2&", "/«callback»?«state»=ok&", "https://bucket.s3.amazonaws.com/«report.csv»?«X-Amz-Expires»=900&", "https://app.example.com/«done»#", "wss://rt.example.com/«socket»?", "http://svc.local/«export»?«fmt»=csv;"])
    u = base + f"{k}={v}" + pick(["", "&«limit»=10", "#«top»" if "#" not in base else "", "&«lang»=de"])
    t = pick(["GET {u} «HTTP/1.1»", "{u}", "error sending request for url ({u})", "\"{u}\" «404»", "«redirecting» to {u}", "{\"«m»\":\"GET\",\"uri\":\"{u}\"}", "«请求» {u} «超时»", "uri={u} «status=200»", "Referer: {u}", "curl '{u}' «-o out»", "<{u}>; rel=\"«next»\""])
    s = v if k != "X-Amz-Credential" else v.split("%2F")[0]
    add("url_query_secret", pre() + t.replace("{u}", u), [s])

# paths
UN = ["mkeller", "jdoe", "priya.raman", "tomasz", "o.fournier", "hassan92", "yuki_tanaka", "svetlana-p", "noemie", "kwame.m", "ingrid", "rlindqvist", "jürgen", "Зоя", "bmurphy3", "dgallagher"]
WU = UN + ["John Doe", "Marta Nowak", "ADELGADO"]
def homep():
    r = R.random()
    if r < .55:
        u = pick(UN); b = pick(["/home/{u}/{t}", "/Users/{u}/{t}", "/home/{u}/{t}", "/Users/{u}/{t}", "file:///home/{u}/{t}", "/mnt/c/Users/{u}/{t}", "/c/Users/{u}/{t}", "/var/home/{u}/{t}", "/home/{u}"])
        t = pick(["projects/app/Cargo.toml", ".cargo/registry/index", "Library/Logs/app.log", ".ssh/known_hosts", "src/main.rs", "data/export.csv", ".config/app/settings.toml", "Downloads/report final.pdf"])
        return b.replace("{u}", u).replace("{t}", t), [u]
    u = pick(WU); t = pick([r"AppData\Local\Temp\x.log", r"Documents\notes.txt", r".cargo\bin\cargo.exe", r"source\repos\app\src\lib.rs", "Desktop"])
    v = pick(["C:\\Users\\{u}\\" + t, "D:\\Users\\{u}\\" + t, ("C:\\Users\\{u}\\" + t).replace("\\", "\\\\"), ("C:\\Users\\{u}\\" + t).replace("\\", "/"), "c:\\users\\{u}\\" + t.lower(), "\\\\?\\C:\\Users\\{u}\\" + t])
    return v.replace("{u}", u), [u]
fill("home_path", ["«could not open» {v}: «No such file or directory»", "{v}", "«reading config from» {v}", "\"{v}\" «is not writable»", "{\"«op»\":\"open\",\"path\":\"{v}\"}", "Error { «kind»: NotFound, path: \"{v}\" }", "cwd={v}", "«warning»: unused manifest key in {v}", "Compiling «app v0.1.0» ({v})", "«无法读取»{v}", "«файл» {v} «не найден»", "PWD={v}", "«spawned» {v} «with pid» 4411", "`{v}` «deleted»", "«rsync» {v} -> «backup»:/srv"], homep, 60)
def homepct():
    u = pick(["mkeller", "jdoe", "tomasz", "rlindqvist"]); return pick(["%2Fhome%2F{u}%2Freport.csv", "%2FUsers%2F{u}%2FDesktop%2Fa.txt"]).replace("{u}", u), [u]
fill("home_path", ["GET /«open»?path={v}&«mode»=r", "«redirect» /view?p={v}"], homepct, 5)
def unc():
    u = pick([x for x in WU if x.isascii()]); h = pick(["fs01", "NAS-BERLIN", "files.corp.local", "dc2"]); s = pick(["users", "home$", "profiles", "homes"])
    v = f"\\\\{h}\\{s}\\{u}\\" + pick(["report.xlsx", "Desktop", r"data\in.csv"])
    if R.random() < .35: v = v.replace("\\", "\\\\")
    return v, [u]
fill("unc", ["«cannot access» {v}: «network path not found»", "{v}", "\"{v}\" «is locked»", "«mapped drive» Z: to {v}", "{\"«op»\":\"copy\",\"src\":\"{v}\"}", "Os { «code»: 53 } at {v}", "«backup» of {v} «skipped»", "«Zugriff auf» {v} «verweigert»", "«正在打开»{v}", "dest={v}"], unc, 32)
def ckey(): return pick([b62(20), pw(), b64uu(32), hexs(32)])
EK = ["DATABASE_PASSWORD", "GITHUB_TOKEN", "APP_SECRET", "STRIPE_SECRET_KEY", "REDIS_PASSWORD", "JWT_SECRET", "PGPASSWORD", "MY_API_KEY", "SMTP_PASS", "AWS_SESSION_TOKEN", "DB_PASSWD", "SESSION_SECRET", "NPM_AUTH_TOKEN", "ENCRYPTION_KEY", "OAUTH_CLIENT_SECRET", "CARGO_REGISTRY_TOKEN", "SENTRY_AUTH_TOKEN", "MYSQL_ROOT_PASSWORD", "SIGNING_KEY", "VAULT_TOKEN"]
for i in range(54):
    k = EK[i % len(EK)]; v = ckey()
    t = pick(["{k}={v}", "export {k}={v}", "export {k}='{v}'", "{k}=\"{v}\" ./«run.sh» «--release»", "docker run -e {k}={v} «-p 80:80» «app:latest»", "env: {k}={v} «RUST_LOG=info»", "$env:{k}=\"{v}\"", "«RUST_LOG=debug» {k}={v} «cargo run»", "  - {k}={v}", "«child env»: [(\"«LANG»\", \"C\"), (\"{k}\", \"{v}\")]", "ENV {k} {v}" if False else "ENV {k}={v}", "set {k}={v}", "«Environment»=\"{k}={v}\"", "\"{k}={v}\",", "«process» started with {k}={v} «pid=88»", "«переменная» {k}={v}"])
    add("env_assignment", t.replace("{k}", k).replace("{v}", v), [v])
# DSN
DS = ["postgres://{u}:{p}@db.example.internal:5432/orders?sslmode=require", "postgresql://{u}:{p}@pg-1/app", "mysql://{u}:{p}@mysql.svc:3306/shop", "mongodb+srv://{u}:{p}@cluster0.ab1cd.mongodb.net/?retryWrites=true", "mongodb://{u}:{p}@m1:27017,m2:27017/app?replicaSet=rs0", "redis://:{p}@cache.svc:6379/0", "rediss://default:{p}@redis.example.com:6380", "amqp://{u}:{p}@mq.svc:5672/%2f", "amqps://{u}:{p}@mq.example.com/vh", "jdbc:postgresql://db:5432/app?user={u}&password={p}", "jdbc:mysql://db/app?user={u}&password={p}&useSSL=true",
      "jdbc:sqlserver://sql.svc:1433;databaseName=app;user={u};password={p};encrypt=true", "Server=tcp:app.database.windows.net,1433;Initial Catalog=orders;User ID={u};Password={p};Encrypt=True;", "Data Source=sql1;Database=app;Uid={u};Pwd={p};", "host=db.svc user={u} password={p} dbname=orders", "Driver={ODBC Driver 18};Server=sql1;UID={u};PWD={p}", "cache.example.net:6380,password={p},ssl=True,abortConnect=False", "clickhouse://{u}:{p}@ch.svc:9000/default", "nats://{u}:{p}@nats.svc:4222", "jdbc:oracle:thin:{u}/{p}@//ora:1521/XE" if False else "mssql://{u}:{p}@sql.svc/app", "ldap://cn={u}:{p}@ldap.svc:389", "postgres+asyncpg://{u}:{p}@db/app"]
DT = ["«connecting to» {v}", "{v}", "«pool timed out» for {v}", "DATABASE_URL={v}", "database_url = \"{v}\"", "{\"«pool»\":5,\"dsn\":\"{v}\"}", "PoolOptions { «max»: 10, url: \"{v}\" }", "\"{v}\" «refused connection»", "connection string: {v}", "«无法连接» {v}", "«подключение к» {v} «не удалось»", "url: \"{v}\"", "{\\\"dsn\\\":\\\"{v}\\\",\\\"«n»\\\":1}", "«migrate» --database-url '{v}' «up»"]
for i in range(66):
    d = DS[i % len(DS)]; p = pick([pw(), pw(), b62(18)])
    if "://" in d and "jdbc" not in d and R.random() < .25: p = b62(3) + pick(["@", "%40", "%23", ":"]) + b62(6)
    if "&" in d or "jdbc" in d or (i % len(DS) >= 0 and "://" in d): p = p.replace("#", "x")
    add("dsn", pre() + pick(DT).replace("{v}", d.replace("{u}", pick(["app", "svc_orders", "root", "reader"])).replace("{p}", p)), [p])
for i in range(6):
    k = base64.b64encode(R.randbytes(64 if i % 2 else 32)).decode()
    add("dsn", pre() + (f"«storage» DefaultEndpointsProtocol=https;AccountName=appdata;AccountKey={k};EndpointSuffix=core.windows.net" if i % 2 else f"«bus» Endpoint=sb://app.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey={k}"), [k])
# cookies
for i in range(38):
    s, s2 = pick([b62(26), hexs(32), b64uu(40), "s%3A" + b62(32) + "." + b62(20)]), b62(22)
    n = pick(["sessionid", "JSESSIONID", "PHPSESSID", "sid", "connect.sid", "session", "_session_id", "ASP.NET_SessionId", "laravel_session", "auth_session"])
    t, sec = pick([("Cookie: {n}={s}", [s]), ("Cookie: «theme»=dark; {n}={s}".replace("«theme»", "theme"), [s]), ("cookie: {n}={s}; csrftoken={s2}", [s, s2]), ("Set-Cookie: {n}={s}; Path=/; HttpOnly; Secure", [s]), ("< set-cookie: {n}={s}; Max-Age=3600", [s]), ("«rejected» {n}={s} «stale»", [s]), ("{\"«accept»\":\"*/*\",\"cookie\":\"{n}={s}; lang=de\"}", [s]),
                   ("HeaderMap {\"«accept»\": \"*/*\", \"cookie\": \"{n}={s}\"}", [s]), ("curl -b '{n}={s}' https://app.example.com/«home»", [s]), ("{\\\"set-cookie\\\":\\\"{n}={s}; Secure\\\"}", [s]), ("> «GET» / HTTP/1.1\n> Cookie: {n}={s}\n> «Accept»: */*", [s]), ("«会话» {n}={s} «无效»", [s]), ("http.request.header.cookie=\"{n}={s}\" «status=403»", [s])])
    add("cookie", pre() + t.replace("{n}", n).replace("{s}", s).replace("{s2}", s2), sec)
# IMEI
def imei(): v = luhn_fix(pick(["35", "86", "01"]) + dig(12)); return v, [v]
fill("imei", ["imei={v} «carrier=DT»", "IMEI: {v}", "«device» IMEI {v} «blacklisted»", "{\"imei\":\"{v}\",\"«model»\":\"X\"}", "Device { «os»: Android, imei: \"{v}\" }", "«activation» for imei {v} «failed»", "{\\\"imei\\\":\\\"{v}\\\"}", "«手机»IMEI:{v}", "(imei {v}) «stolen»", "«номер» IMEI {v} «проверен»"], imei, 26)
# wallets
B58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
def b58c(payload):
    b = payload + hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4]; n = int.from_bytes(b, "big"); o = ""
    while n: o = B58[n % 58] + o; n //= 58
    return "1" * (len(b) - len(b.lstrip(b"\0"))) + o
def bech(hrp, ver, prog):
    C = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"; acc = bits = 0; data = [ver]
    for x in prog:
        acc = (acc << 8) | x; bits += 8
        while bits >= 5: bits -= 5; data.append((acc >> bits) & 31)
    if bits: data.append((acc << (5 - bits)) & 31)
    def pm(v):
        c = 1
        for x in v:
            b = c >> 25; c = (c & 0x1ffffff) << 5 ^ x
            for i, g in enumerate((0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3)):
                if b >> i & 1: c ^= g
        return c
    e = [ord(x) >> 5 for x in hrp] + [0] + [ord(x) & 31 for x in hrp]
    m = pm(e + data + [0] * 6) ^ (1 if ver == 0 else 0x2bc830a3)
    return hrp + "1" + "".join(C[x] for x in data + [(m >> 5 * (5 - i)) & 31 for i in range(6)])
def keccak(msg):
    M = (1 << 64) - 1; rol = lambda x, n: ((x << n) | (x >> (64 - n))) & M if n else x
    A = [[0] * 5 for _ in range(5)]; p = bytearray(msg); p.append(1); p += b"\0" * (-len(p) % 136); p[-1] |= 0x80
    rc, r = [], 1
    for _ in range(24):
        c = 0
        for j in range(7):
            if r & 1: c |= 1 << ((1 << j) - 1)
            r = (r << 1) ^ (0x171 if r & 0x80 else 0)
        rc.append(c)
    off = [[0,36,3,41,18],[1,44,10,45,2],[62,6,43,15,61],[28,55,25,21,56],[27,20,39,8,14]]
    for o in range(0, len(p), 136):
        for i in range(17): A[i % 5][i // 5] ^= int.from_bytes(p[o + 8 * i:o + 8 * i + 8], "little")
        for c in rc:
            Cx = [A[x][0] ^ A[x][1] ^ A[x][2] ^ A[x][3] ^ A[x][4] for x in range(5)]
            D = [Cx[x - 1] ^ rol(Cx[(x + 1) % 5], 1) for x in range(5)]
            A = [[A[x][y] ^ D[x] for y in range(5)] for x in range(5)]
            B = [[0] * 5 for _ in range(5)]
            for x in range(5):
                for y in range(5): B[y][(2 * x + 3 * y) % 5] = rol(A[x][y], off[x][y])
            A = [[B[x][y] ^ (~B[(x + 1) % 5][y] & B[(x + 2) % 5][y] & M) for y in range(5)] for x in range(5)]
            A[0][0] ^= c
    return b"".join(A[i % 5][i // 5].to_bytes(8, "little") for i in range(4))
assert keccak(b"").hex().startswith("c5d2460186f7233c")
def eip55():
    a = R.randbytes(20).hex(); h = keccak(a.encode()).hex(); return "0x" + "".join(c.upper() if int(h[i], 16) > 7 else c for i, c in enumerate(a))
assert bech("bc", 0, bytes.fromhex("751e76e8199196d454941c45d1b3a323f1433bd6")) == "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
def wal(): v = pick([lambda: b58c(b"\0" + R.randbytes(20)), lambda: b58c(b"\5" + R.randbytes(20)), lambda: bech("bc", 0, R.randbytes(20)), lambda: bech("bc", 1, R.randbytes(32)), eip55, eip55])(); return v, [v]
fill("wallet", ["«withdrawal» to {v} «pending»", "{v}", "wallet={v} «fee=12»", "{\"address\":\"{v}\",\"«chain»\":\"main\"}", "«payout» ({v}) «failed»", "\"{v}\" «is sanctioned»", "«钱包»{v}«余额不足»", "«кошелёк» {v} «пуст»", "Deposit { «conf»: 3, to: \"{v}\" }", "«send» 0.2 BTC {v}.", "[{v}] «swept»"], wal, 30)
def eth(): v = "0x" + hexs(40); return v, [v]
fill("wallet", ["eth wallet {v} «funded»", "«ethereum» address: {v}", "wallet_address={v} «nonce=3»", "{\"wallet\":\"{v}\"}"], eth, 10)
# geo
def ll(): return f"{R.uniform(-60,70):.{R.randint(4,7)}f}", f"{R.uniform(-170,170):.{R.randint(4,7)}f}"
GT = ["lat={a} lon={b} «accuracy=12»", "{\"lat\":{a},\"lng\":{b},\"«acc»\":5}", "latitude: {a}, longitude: {b}", "GeoPoint { lat: {a}, lng: {b} }", "gps fix {a},{b} «sats=9»", "«driver» location: ({a}, {b}) «updated»", "{\"latitude\":\"{a}\",\"longitude\":\"{b}\"}", "coordinates=[{a}, {b}] «src=gps»", "GET /«weather»?lat={a}&lon={b}&«units»=metric", "geo:{a},{b}", "{\\\"lat\\\":{a},\\\"lon\\\":{b}}", "«последняя» геопозиция lat={a}, lon={b}", "Position { latitude: {a}, longitude: {b}, «altitude»: 12.0 }", "gps position: {a}, {b}"]
for i in range(34):
    a, b = ll(); add("geo", pre() + GT[i % len(GT)].replace("{a}", a).replace("{b}", b), [a, b])
# DOB
def dob():
    y, m, d = R.randint(1940, 2006), R.randint(1, 12), R.randint(1, 28); mon = "January February March April May June July August September October November December".split()[m - 1]
    v = pick([f"{y}-{m:02}-{d:02}", f"{y}-{m:02}-{d:02}", f"{d:02}.{m:02}.{y}", f"{m:02}/{d:02}/{y}", f"{d:02}/{m:02}/{y}", f"{y}/{m:02}/{d:02}"]); return v, [v]
fill("date_of_birth", ["dob={v} «status=ok»", "date_of_birth: {v}", "{\"dob\":\"{v}\",\"«lang»\":\"en\"}", "«patient» born {v}, «ward» 3", "Person { «active»: true, date_of_birth: \"{v}\" }", "birthdate=\"{v}\" «verified=false»", "DOB: {v}", "«geboren am» {v} «in der Akte»", "date of birth {v} «does not match»", "birthday={v}", "{\\\"birth_date\\\":\\\"{v}\\\"}", "«né le» {v}, «dossier» 12" if False else "date de naissance: {v}", "fecha de nacimiento: {v}", "«дата рождения»: {v}", "Geburtsdatum: {v}", "生年月日：{v}", "出生日期: {v}"], dob, 40)
# SQL by attribute
SQ = ["SELECT id FROM users WHERE full_name = '{1}' AND zip = '{2}'", "INSERT INTO users (name, note) VALUES ('{1}', '{2}')", "UPDATE accounts SET owner = '{1}' WHERE ref = '{2}'", "DELETE FROM sessions WHERE label = '{1}'", "SELECT * FROM patients WHERE name ILIKE '%{1}%'", "UPDATE users SET pass_hash = '{2}' WHERE login = '{1}'"]
for i in range(34):
    q = pick(SQ); n = full(); z = pick([dig(5) + b62(3), b62(12)]); q = q.replace("{1}", n).replace("{2}", z)
    t = pick(["db.statement=\"{q}\" «elapsed=3ms»", "db.query.text=\"{q}\" «rows=1»", "{\"db.statement\":\"{q}\",\"«db.system»\":\"postgresql\"}", "«summary» db.statement=\"{q}\" «rows_affected=1»", "{\"«span»\":\"q\",\"db.query.text\":\"{q}\"}", "«slow statement» db.statement=\"\\n\\n{q}\\n\" «elapsed_secs=1.2»"])
    add("sql", pre() + t.replace("{q}", q), [x for x in (n, z) if x in q])
# stack frames
for i in range(34):
    u = pick([x for x in UN if x.isascii()])
    t = pick([f"thread 'main' panicked at /home/{u}/work/app/«src/main.rs:42:17»:\n«called `Option::unwrap()` on a `None` value»", f"   3: app::run\n             at /Users/{u}/code/app/«src/lib.rs:120:5»\n   4: «core::ops::function::FnOnce::call_once»", f"  12: app::main\n             at C:\\Users\\{u}\\app\\«src\\main.rs:9»", f"Traceback (most recent call last):\n  File \"/home/{u}/svc/«run.py\", line 12», in main\n«ValueError: bad»",
              f"    at Object.<anonymous> (/Users/{u}/app/«index.js:3:11»)\n    at «Module._compile»", f"goroutine 1 [running]:\n«main.main»()\n\t/home/{u}/go/src/app/«main.go:17» +0x1d", f"\tat com.acme.App.main(App.java:12)\n\tSuppressed: «java.io.IOException»: /home/{u}/data.bin", f"panicked at /home/{u}/.cargo/registry/src/index.crates.io-6f17d22bba15001f/«tokio-1.35.1/src/runtime/scheduler.rs:88:9»", f"exception.stacktrace=\"at /home/{u}/x/«lib.rs:7»\\n at «core::fmt»\""])
    add("stack_frame", (pre() if not t.startswith(" ") else "") + t, [u])
# keyed secrets, pii, ids (section 3)
kvfill("key_secret", ["password", "passwd", "pwd", "passphrase", "secret", "db.user.password", "userPassword", "apiKey", "auth_token", "accessToken", "client_secret", "api-key", "csrf_token", "admin_password", "credentials", "refreshToken", "PASSWORD", "X-Auth-Token"], lambda: (lambda v: (v, [v]))(pw()), 44)
for k, g in (("pin", lambda: nz(4) + "81"), ("otp", lambda: nz(6)), ("cvv", lambda: "9" + dig(2)), ("totp", lambda: nz(6))):
    for i in range(3):
        v = g(); add("key_secret", pick(['{"%s":"%s","«ok»":true}', "%s=%s «attempt=x»", 'Check { %s: "%s", «valid»: false }', "%s: %s"]) % (k, v), [v])
for i in range(14):
    p = pw(); f, l = name(); n = f"{f} {l}"
    add("key_secret", pre() + f'User {{ «id: {R.randint(2,60)}», name: "{n}", password: "{p}" }}', [p, n])
for i in range(10):
    p = pick([pw() + "'s key", "two words " + pw(), "p\\\"" + b62(8), pw() + "&x;y", "пароль" + dig(4), b62(5) + "=" + b62(5), "ünïcode-" + dig(3)])
    add("key_secret", pre() + pick(['Login { «tries»: 2, password: "%s" }', '{"«u»":1,"password":"%s"}', 'password="%s" «tries=2»']) % p, [p, p[-6:] if not p.endswith("key") else p[:-6]])
for i in range(10):
    p = pw(); add("key_secret", pick(["$ «mycli» login --password %s «--verbose»", "«exec»: backup --token=%s «--full»", "mysql --user=app --password=%s «shop»", "args: [\"--secret\", \"%s\", \"--dry-run\"]"]) % p, [p])
NM = lambda: (lambda v: (v, [v]))(full())
kvfill("key_pii", ["full_name", "fullName", "display_name", "displayName", "user.full_name", "customer_name" if False else "full-name"], NM, 16, forms=[f for f in KV if '"{v}"' in f or "'{v}'" in f or '\\"{v}\\"' in f])
kvfill("key_pii", ["first_name", "lastName", "username", "user_name", "login", "firstName"], lambda: (lambda v: (v, [v]))(pick(["Wanjiru" + dig(2), uname() + dig(2)])), 14)
kvfill("key_pii", ["street", "postal_address", "address", "home_address"], lambda: (lambda v: (v, [v]))(f"{pick(['Hauptstraße', 'Rue de la Paix', 'Maple Avenue', 'Via Garibaldi', 'Elm Street'])} {R.randint(2,240)}"), 10, forms=[f for f in KV if '"{v}"' in f])
kvfill("key_pii", ["passport", "passport_number", "passportNo"], lambda: (lambda v: (v, [v]))(pick("CEKX") + rs(8, "0123456789FGHJK")), 8)
kvfill("key_id", ["user_id", "customer_id", "account_id", "tenant_id", "device_id", "session_id", "patient_id", "employeeId", "user.id", "member_id", "machine_id", "userId"], lambda: (lambda v: (v, [v]))(pick([nz(9), "cus_" + b62(14), uu(), "u-" + nz(7), b62(22)])), 30)
# several findings in one text
for i in range(70):
    (e, _), (a, _), (c, _), (ph, _), u, p = email(), ip4(), card(), phi(), pick(UN), pw()
    t, s, k = pick([(f"«login» by {e} from {a}", [e, a], "email"), (f"{{\"email\":\"{e}\",\"phone\":\"{ph}\",\"«lang»\":\"en\"}}", [e, ph], "email"), (f"{a} \"POST /«login»\" user={e} password={p}", [a, e, p], "ipv4"), (f"Order {{ «qty»: 2, card: \"{c}\", email: \"{e}\" }}", [c, e], "credit_card"),
        (f"«scp» /home/{u}/id.txt to {a}", [u, a], "home_path"), (f"«用户»{e}«来自»{a}", [e, a], "ipv4"), (f"«Kontakt»: {e}, Tel. {ph}", [e, ph], "phone_intl"), (f"{e};{a};{ph}", [e, a, ph], "phone_intl"), (f"AWS key AKIA{(x := rs(16, AWS32))} «used from» {a}", ["AKIA" + x, a], "vendor_key_aws"), (f"«charge» {c} for <{e}> «ok»", [c, e], "credit_card")])
    add(k, pre() + t, s)

# =================================================================== negatives
NEG, SEENN = [], set()
def neg(family, text):
    if text in SEENN or not text.strip(): return False
    SEENN.add(text); NEG.append({"text": text, "family": family}); return True
def nfill(family, gen, n):
    d = t = 0
    while d < n and t < n * 30:
        t += 1; d += bool(neg(family, gen()))
    return d
def bad_luhn(n, first=None):
    while 1:
        s = (first or nz(1)) + dig(n - len(first or "1"))
        if not luhn_ok(s): return s
def safe_num(n):
    while 1:
        s = nz(n)
        if n < 12 or not luhn_ok(s): return s
def nts(): return f"202{R.randint(2,5)}-{R.randint(1,12):02}-{R.randint(1,28):02}T{R.randint(0,23):02}:{R.randint(0,59):02}:{R.randint(0,59):02}.{R.randint(0,999999):06}Z"
NM_ = ["tokio::runtime::scheduler", "hyper::proto::h1::conn", "h2::codec::framed_read", "sqlx::pool::inner", "tower::buffer::worker", "rustls::client::hs", "tonic::transport::server", "reqwest::connect", "mio::poll", "axum::serve", "app::jobs::reaper"]
def npre():
    m = pick(NM_); lv = pick(["INFO", "WARN", "DEBUG", "ERROR", "TRACE"])
    return pick(["", "", "", f"{nts()}  {lv} {m}: ", f"[{nts()[:19]}Z {lv} {m}] ", f"{lv} {m}: ", f"{lv.lower()}: "])
CR = {"std": "sync collections io fmt net path time thread process env ffi hash iter mem num ops ptr str string vec fs any error future task".split(), "core": "fmt mem ptr ops slice str num cell pin option result iter convert hint array ascii char".split(), "alloc": "vec string boxed rc sync collections borrow fmt".split(),
      "tokio": "sync runtime time net io task fs process signal".split(), "hyper": "client server body proto service header ext rt".split(), "tower": "buffer balance limit retry timeout util load discover".split(), "axum": "routing extract middleware response handler body serve".split(), "serde": "de ser private __private".split(), "serde_json": "de ser value map error raw".split(),
      "sqlx": "pool query postgres mysql sqlite migrate types".split(), "tonic": "transport codec metadata codegen service".split(), "rustls": "client server msgs cipher_suite crypto tls13".split(), "hex": "hex decode encode serde".split(), "bytes": "buf bytes bytes_mut".split(), "dead": "beef::cafe face::feed bad::add".split(), "aead": "aes_gcm dec enc".split(), "ed25519": "der hex pkcs8".split(),
      "rdkafka": "client consumer producer config".split(), "tracing": "span field subscriber metadata dispatcher".split(), "opentelemetry": "trace metrics baggage context".split(), "auth": "token::store session::manager password::hasher cookie::jar secret::vault".split(), "crate": "auth::token api::key email::queue card::layout phone::format".split(), "ring": "aead digest hmac signature".split(), "futures_util": "stream sink future io".split()}
SUB = "mpsc oneshot bounded unbounded builder inner state decode encode de_facto fade added facade cache bead hex conn pool worker driver harness raw list map set iter util impls debug read write error timeout error_kind ext layer service abc".split()
IT = "Debug Display Sender Receiver Mutex Arc Error Handle Builder spawn poll new connect fmt fmt::Debug from_str into_inner call drop recv send try_recv block_on deref next decode add bad fade Entry Token Session Credential Password PhantomData HashMap Vec<u8> Instant UnixStream".split()
def mpath():
    c = pick(list(CR)); p = [c, pick(CR[c])] + [pick(SUB) for _ in range(R.choice([0, 0, 1, 1, 2]))] + [pick(IT)]
    return "::".join(p)
def g_mod():
    m = mpath(); m2 = mpath()
    return pick(["{m}", "{m}", "{m}", "target={m}", 'target="{m}" level=debug', "INFO {m}: ready", "at {m}", "   7: {m}", "use {m};", "<impl {m} for T>::fmt", "in `{m}`", "({m})", "{m}::{{closure}}", "{m}::h" + hexs(16), "module_path={m} line=42", "[{m}] started", "TRACE {m}: enter", "unresolved import `{m}`", "{m} -> {n}", "{m}, {n}", 'span="{m}"', "cannot find `{m}` in this scope", "<{m} as {n}>::poll", "note: required by `{m}`", "RUST_LOG={c}=debug,{d}=trace", "_ZN4core3fmt" + str(len("write")) + "write17h" + hexs(16) + "E", "{m}:{n}", "re-exported from {m}", "flamegraph: {m};{n} 42", '{"target":"{m}","level":"INFO"}']).replace("{m}", m).replace("{n}", m2).replace("{c}", m.rsplit("::", 1)[0]).replace("{d}", m2.rsplit("::", 1)[0])
nfill("module_path", g_mod, 460)
PR = "u8 u16 u32 u64 i64 usize f64 bool char &str String () Bytes Duration Instant Token Password SessionId EmailAddress PhoneNumber ApiKey Cookie UserId Ipv4Addr Ipv6Addr MacAddr".split() + ["[u8; 32]", "[u8; 16]", "&'static str", "&'a [u8]", "dyn Error", "Box<str>"]
def rt(d=0):
    if d > 2 or R.random() < .25: return pick(PR)
    x = lambda: rt(d + 1)
    return pick([lambda: f"Vec<{x()}>", lambda: f"Option<{x()}>", lambda: f"Result<{x()}, Box<dyn std::error::Error + Send + Sync>>", lambda: f"HashMap<String, {x()}>", lambda: f"Arc<Mutex<{x()}>>", lambda: f"Pin<Box<dyn Future<Output = {x()}> + Send>>", lambda: f"({x()}, {x()})", lambda: f"fn({x()}) -> {x()}", lambda: f"&'a mut {x()}", lambda: f"tokio::sync::mpsc::Sender<{x()}>",
                 lambda: f"core::result::Result<{x()}, hyper::Error>", lambda: f"std::collections::BTreeMap<u64, {x()}>", lambda: f"PhantomData<fn() -> {x()}>", lambda: f"Cow<'_, {x()}>", lambda: f"impl FnOnce({x()}) -> {x()} + 'static", lambda: f"[{x()}; 4]", lambda: f"axum::extract::State<Arc<{x()}>>", lambda: f"*const {x()}", lambda: f"Secret<{x()}>"])()
def g_rt():
    a, b = rt(), rt()
    return pick(["{a}", "{a}", "{a}", "expected `{a}`, found `{b}`", "the trait bound `{a}: Send` is not satisfied", "ty={a}", "fn run(x: {a}) -> {b}", "let x: {a} = Default::default();", "type Out = {a};", "size_of::<{a}>() = 24", "impl From<{a}> for {b}", "drop_in_place::<{a}>", "no method named `len` found for struct `{a}`", "cannot downcast to {a}", "where T: Into<{a}>", "<{a} as Into<{b}>>::into", "type_name={a}", "mismatched types: {a} vs {b}", "note: expected enum `{a}`", "handler returned {a}"]).replace("{a}", a).replace("{b}", b)
nfill("rust_type", g_rt, 450)
PK = "serde tokio hyper axum sqlx rustls openssl nginx redis postgres kafka etcd consul docker kubelet terraform node npm cargo rustc glibc grpc envoy curl".split()
def g_ver():
    r = R.randint; v = f"{r(0,30)}.{r(0,60)}.{r(0,300)}"; q = f"{r(1,140)}.{r(0,20)}.{r(0,255)}.{r(0,255)}"; p = pick(PK)
    return pick(["v{v}", "{p} {v}", "{p}@{v}", "{p}/{v}", "{p}-{v}", "{p} v{v}", "v{q}", "Chrome/{q}", "Chrome/{q} Safari/537.36", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{q} Safari/537.36", "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:{r}.0) Gecko/20100101 Firefox/{r}.0", "Edg/{q}", "version {q}", "version={q}", "version: {q}", "ver {q}", "{p} version {q}", "driver v{q} loaded", '{p} = "{v}"', '{p} = { version = "{v}", features = ["full"] }', "{v}-rc.{r}", "{v}+build.{r}", "{v}-alpha.{r}+{h}",
        "Compiling {p} v{v}", "Downloaded {p} v{v}", "Updating {p} v{v} -> v{w}", "rustc {v} ({h}0 2024-02-04)", "OpenSSL {v} 30 Jan 2024", "lib{p}.so.{r}.{r}", "kernel 5.15.0-{r}-generic", "upgraded {p} from {v} to {w}", "requires {p} >={v}, <{w}", "^{v}", "~> {v}", "{p}-{v}.tar.gz", "lib{p}.dll version {q}", "image: {p}:{v}-alpine", "app_version={v} build={r}", "agent {p}/{v}", "server: {p}/{v} (Ubuntu)", "HTTP/1.1 vs HTTP/2.0, TLSv1.{t}", "protocol version {t}.{t}", '{"version":"{v}"}', '{"name":"{p}","version":"{v}"}', "file version v{q}", "Version={q}, Culture=neutral, PublicKeyToken=null" if False else "AssemblyVersion {q}", "release/{v}", "MSRV {v}", "go{v} linux/amd64", "Opera/{q}"]).replace("{v}", v).replace("{q}", q).replace("{p}", p).replace("{w}", f"{r(0,30)}.{r(0,60)}.{r(0,300)}").replace("{h}", hexs(8)).replace("{r}", str(r(1, 125))).replace("{t}", str(r(1, 3)))
nfill("version", g_ver, 480)
def g_uuid():
    u = uu(); u = pick([u, u, u, u.upper(), u.replace("-", ""), "0190" + u[4:14] + "7" + u[15:]])
    return pick(["{u}", "{u}", "{u}", "trace_id={u}", "request_id={u} status=200", "span created {u}", "urn:uuid:{u}", "{{u}}", "correlation_id={u}", "event_id: {u}", '{"request_id":"{u}"}', '{"trace_id":"{u}","sampled":true}', "job {u} finished", "job_id={u} attempt=2", "build_id={u}", "x-request-id: {u}", "GET /v1/jobs/{u} 200", "/orders/{u}/items", "Uuid({u})", "retrying {u}...", "({u})", "volume pvc-{u} bound", "snapshot '{u}' created", "UUID=\"{u}\" TYPE=\"ext4\"", "upload {u}.parquet done", "任务{u}已完成", "задача {u} завершена", '{\\"event_id\\":\\"{u}\\"}', "Job { correlation_id: {u}, attempts: 3 }", "transaction {u} committed", "message_id={u}"]).replace("{u}", u)
nfill("uuid", g_uuid, 450)
def g_hash():
    h1, h2, m, s = hexs(40), hexs(64), hexs(32), hexs(R.choice([7, 8, 9, 12]))
    return pick([lambda: h1, lambda: h2, lambda: m, lambda: f"commit {h1}", lambda: f"sha256:{h2}", lambda: f"sha256={h2}", lambda: f"md5={m}", lambda: f"HEAD is now at {s} fix build", lambda: f"digest: sha256:{h2}", lambda: f'checksum = "{h2}"', lambda: f"registry.example.com/app@sha256:{h2}", lambda: f"etag=\"{m}\"", lambda: f'ETag: W/"{m}"', lambda: f"blob {h1}", lambda: f"rev={h1}", lambda: f"layer {h2[:12]}: pull complete", lambda: f"blake3 {h2}", lambda: f"crc32=0x{hexs(8)}", lambda: f"xxh3={hexs(16)}",
        lambda: f"integrity sha512-{b64bytes(64)}", lambda: f"sha384-{b64bytes(48)}", lambda: f"sha256-{b64bytes(32)}", lambda: f"merged {s}..{hexs(7)}", lambda: f"checksum mismatch: expected {h2}, got {hexs(64)}", lambda: f"/nix/store/{rs(32, '0123456789abcdfghijklmnpqrsvwxyz')}-openssl-3.0.13", lambda: f"cache hit cargo-{h2}", lambda: f"cache_key=v1-{h1}", lambda: f"{m}  dist/app.tar.gz", lambda: f"{h2}  ./target/release/app", lambda: f"git_sha={h1} dirty=false", lambda: f"root hash {h2}", lambda: f'{{"sha":"{h1}"}}',
        lambda: f"tokio-{hexs(16)}.rlib", lambda: f"target/debug/deps/app-{hexs(16)}", lambda: f"content hash={h2} size=4096", lambda: f"trace_id={m} span_id={hexs(16)}", lambda: f"traceparent: 00-{m}-{hexs(16)}-01", lambda: f"block {h2} height 840123", lambda: f"Qm{rs(44, B58)}", lambda: f"提交{h1}已合并", lambda: f"({s})", lambda: f"revision {h1} deployed", lambda: f"tree {h1}\nparent {hexs(40)}", lambda: f'{{\\"digest\\":\\"sha256:{h2}\\"}}', lambda: f"oid={h1}", lambda: f"merkle leaf {h2}", lambda: f"artifact {s} promoted"])()
nfill("hash", g_hash, 470)
def g_ts():
    r = R.randint; Y, M, D, h, m, s = r(2021, 2026), r(1, 12), r(1, 28), r(0, 23), r(0, 59), r(0, 59); Mo = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()[M - 1]; Wd = pick("Mon Tue Wed Thu Fri Sat Sun".split())
    e = r(1600000000, 1790000000)
    def lf(x):
        while len(x) >= 12 and luhn_ok(x): x = x[:-1] + str(r(0, 9))
        return x
    o = pick([f"{Y}-{M:02}-{D:02}T{h:02}:{m:02}:{s:02}Z", f"{Y}-{M:02}-{D:02}T{h:02}:{m:02}:{s:02}.{r(0,999999999):09}Z", f"{Y}-{M:02}-{D:02} {h:02}:{m:02}:{s:02},{r(0,999):03}", f"{Y}-{M:02}-{D:02}T{h:02}:{m:02}:{s:02}+0{r(0,9)}:30", f"{Y}-{M:02}-{D:02} {h:02}:{m:02}:{s:02}.{r(0,999999):06} UTC", f"{Wd}, {D:02} {Mo} {Y} {h:02}:{m:02}:{s:02} GMT", f"{D:02}/{Mo}/{Y}:{h:02}:{m:02}:{s:02} +0{r(0,9)}00", f"{Mo} {D:2} {h:02}:{m:02}:{s:02}", f"{Y}{M:02}{D:02}T{h:02}{m:02}{s:02}Z",
        f"{e}", f"{e}.{r(0,999999):06}", lf(f"{e}{r(0,999):03}"), lf(f"{e}{r(0,999999999):09}"), f"{Y}-W{r(1,52):02}-{r(1,7)}", f"{Y}/{M:02}/{D:02} {h:02}:{m:02}:{s:02}", f"{D:02}.{M:02}.{Y} {h:02}:{m:02}", f"{h:02}:{m:02}:{s:02}.{r(0,999):03}", f"{Wd} {Mo} {D} {h:02}:{m:02}:{s:02} {Y}", f"[{Y}-{M:02}-{D:02}T{h:02}:{m:02}:{s:02}Z]", f"SystemTime {{ tv_sec: {e}, tv_nsec: {r(0,999999999)} }}", f"{Y}-{M:02}-{D:02}-{h:02}{m:02}{s:02}", f"{lf(f'{Y}{M:02}{D:02}{h:02}{m:02}{s:02}')}"])
    return pick(["{o}", "{o}", "{o}", "ts={o}", "started at {o}", "created_at={o}", "expires_at: {o}", "last run {o}, next in 5m", '{"ts":"{o}","ok":true}', "now={o}", "snapshot-{o}", "deadline {o} exceeded", "time={o} level=info", "({o})", "Date: {o}", "window [{o}, +5m)", "clock skew at {o}", "リリース {o}", "запуск {o}", "updated_at: Some({o})", "backup taken {o}", '{\\"at\\":\\"{o}\\"}', "not_after={o}", "{o} INFO ready", "since {o}"]).replace("{o}", o)
nfill("timestamp", g_ts, 470)
def g_num():
    r = R.randint; n = lambda a, b: safe_num(r(a, b))
    return pick([lambda: f"bytes={n(6,13)}", lambda: f"order {n(7,10)} shipped", lambda: f"order_id={n(8,12)} state=paid", lambda: f"seq={n(9,16)}", lambda: f"offset={n(8,14)} partition={r(0,64)}", lambda: f"rows={n(4,8)} elapsed_ns={n(7,12)}", lambda: f"read {n(8,12)} bytes in {r(1,900)}ms", lambda: f"pid={r(100,99999)} tid={r(100,99999)}", lambda: f"lsn=0/{hexs(8).upper()}", lambda: f"inode {n(7,10)}", lambda: f"epoch {r(1600000000,1790000000)}", lambda: f"ticket #{n(6,9)} closed", lambda: f"invoice INV-{n(8,10)} issued", lambda: f"progress {r(1,99)}% ({n(7,9)}/{n(9,10)})",
        lambda: f"0.{dig(14)}", lambda: f"p99={r(1,999)}.{dig(3)}ms p50={r(1,99)}.{dig(3)}ms", lambda: f"bytes 0-{r(1000,99999)}/{n(6,8)}", lambda: f"[{', '.join(n(5,9) for _ in range(5))}]", lambda: f"height={n(7,8)} round={r(0,9)}", lambda: f"mem: {n(9,11)} of {n(11,11)} used", lambda: f"sequence number {n(10,16)}", lambda: f"xid {n(9,10)} wraparound in {n(9,10)}", lambda: f"counter={n(15,18)}", lambda: f"snowflake {n(18,18)}", lambda: f"zxid=0x{hexs(10)}", lambda: f"elapsed={n(9,12)}ns", lambda: f"user={r(1,99)}.{r(10,99)}s sys={r(0,9)}.{r(10,99)}s" if False else f"cpu {r(1,99)}.{r(10,99)}s sys {r(0,9)}.{r(10,99)}s",
        lambda: f"0x{hexs(16)}", lambda: f"ptr=0x{hexs(12)}", lambda: f"frame {n(5,7)} of {n(7,8)} dropped", lambda: f"batch {n(6,9)}: {n(3,6)} ok, {r(0,9)} failed", lambda: f"{r(1,999)},{r(100,999)},{r(100,999)} rows", lambda: f"consumed {n(4,7)} msgs, lag={n(3,6)}", lambda: f"generation={r(1,900)} epoch={r(1,90)}", lambda: f"订单{n(8,10)}已发货", lambda: f"заказ {n(8,10)} отправлен", lambda: f"blocks={n(6,9)} slots={n(8,9)}", lambda: f"{n(16,16)}", lambda: f"{n(9,9)}", lambda: f"{n(10,10)}", lambda: f"total={n(12,12)}"])()
nfill("number_runs", g_num, 200)
SP = ["/usr/lib/x86_64-linux-gnu/libssl.so.3", "/usr/local/bin/app", "/var/log/app/current.log", "/etc/nginx/conf.d/default.conf", "/var/lib/postgresql/16/main/base/16384/2619", "/proc/self/maps", "/proc/{n}/fd/{m}", "/sys/fs/cgroup/memory.max", "/opt/app/releases/{n}/bin/app", "/tmp/.tmp{b}", "/run/systemd/notify", "/dev/nvme0n1p{m}", "/srv/www/static/app.{h}.js", "/var/lib/docker/overlay2/{H}/merged", "/usr/share/zoneinfo/Europe/Berlin", r"C:\Windows\System32\drivers\etc\hosts", r"C:\Program Files\App\app.exe", r"C:\ProgramData\App\logs\{n}.log", r"C:\Users\Public\Documents\readme.txt", "/Users/Shared/cache.db", r"C:\Users\Default\NTUSER.DAT", "/Library/Logs/DiagnosticReports/app.crash",
      "/var/run/secrets/kubernetes.io/serviceaccount/token", "/etc/ssl/private/server.key", "/var/lib/kubelet/pods", "/app/target/release/app", "/workspace/crates/core/src/lib.rs", "/usr/local/cargo/bin/cargo", "/builds/org/repo/target", "/var/cache/apt/archives/curl_8.5.0.deb", "/usr/lib/systemd/system/app.service", "/mnt/data/shard-{m}/seg-{n}.idx", "/System/Library/Frameworks/Security.framework", "/github/workspace/Cargo.lock", "/var/spool/cron/crontabs", "/etc/pam.d/common-password", "/usr/lib/python3.11/site-packages/requests/auth.py", "./node_modules/.bin/tsc", "../shared/tokens.css", "target/debug/build/ring-{h}/out", "/nonexistent/file.{m}", "/run/user/keyring.sock" if False else "/run/containerd/containerd.sock", "D:\\a\\repo\\repo\\target", "/var/vcap/store/{n}"]
def fillp(t): return t.replace("{n}", str(R.randint(100, 99999))).replace("{m}", str(R.randint(0, 99))).replace("{b}", b62(6)).replace("{h}", hexs(16)).replace("{H}", hexs(64))
nfill("system_path", lambda: pick(["{p}", "opening {p}", "{p}: No such file or directory (os error 2)", "permission denied: {p}", "wrote {p} in 3ms", "watching {p} for changes", "path={p}", 'config loaded from "{p}"', "({p})", "failed to stat `{p}`", "无法打开{p}", "файл {p} не найден", "rotated {p}", "mmap {p} len=4096", "exec {p} --version", "Binary {p} is up to date"]).replace("{p}", fillp(pick(SP))), 180)
SL = ["src/main.rs:{a}:{b}", "src/lib.rs:{a}", "crates/core/src/net/conn.rs:{a}:{b}", "/rustc/{h}/library/core/src/panicking.rs:{a}:{b}", "/usr/local/cargo/registry/src/index.crates.io-6f17d22bba15001f/tokio-1.35.1/src/runtime/task/core.rs:{a}:{b}", "app.py:{a}", "server.go:{a} +0x{x}", "Main.java:{a}", "lib/index.js:{a}:{b}", "handlers/auth_token.rs:{a}:{b}", "src\\main.rs:{a}:{b}", "benches/decode.rs:{a}:{b}", "tests/session.rs:{a}:{b}", "postgres.c:{a}", "xlog.c:{a}"]
nfill("source_location", lambda: pick(["{p}", "at {p}", "  --> {p}", "thread 'main' panicked at {p}:\nindex out of bounds: the len is 3 but the index is 7", "             at {p}", "caller={p} level=info", "[{p}] tick", "warning: unused variable: `x` at {p}", "assertion failed at {p}", "location: {p}" if False else "raised in {p}", "loc={p}", "({p})", "panicked at {p}"]).replace("{p}", pick(SL)).replace("{a}", str(R.randint(1, 2400))).replace("{b}", str(R.randint(1, 90))).replace("{h}", hexs(40)).replace("{x}", hexs(3)), 170)
UR = ["https://docs.rs/tokio/1.35.1/tokio/sync/mpsc/fn.channel.html", "https://crates.io/api/v1/crates?q=serde&per_page={n}", "https://github.com/rust-lang/rust/issues/{N}", "https://github.com/tokio-rs/tokio/pull/{N}#discussion_r{N}{n}", "http://localhost:{P}/healthz", "https://api.example.com/v2/orders?page={n}&sort=asc", "https://static.example.com/app.js?v={h}", "https://example.com/search?keyword=rust&lang=en&page={n}", "https://api.example.com/v1/models?max_tokens={P}&stream=true", "/api/v1/items?limit={n}&offset={P}", "https://registry.npmjs.org/lodash/-/lodash-4.17.{n}.tgz", "https://index.crates.io/se/rd/serde", "wss://stream.example.com/ws?channel=trades.{n}",
      "https://example.com/blog/2024/05/{n}-why-tokens-expire#section-{n}", "https://play.rust-lang.org/?version=stable&mode=debug&edition=20{n}", "https://example.com/?utm_source=rss&utm_medium=feed&utm_campaign=c{n}", "https://hub.docker.com/v2/repositories/library/nginx/tags?page_size={n}", "/reset-password?step={n}", "/auth/login?next=%2Fdashboard%2F{n}", "https://s3.eu-west-1.amazonaws.com/public-assets/logo-{n}.png", "https://example.com/cards/{n}/layout", "https://doc.rust-lang.org/std/net/enum.IpAddr.html#variant.V{n}", "http://etcd.svc:2379/v3/kv/range?sort_key=v{n}", "https://fonts.example.com/css2?family=Inter:wght@400;{n}00", "/metrics?author_sort=asc&n={n}", "ipc:///tmp/feed.{n}", "https://example.com/a%20b/c%2Fd?x={n}"]
nfill("url_clean", lambda: pick(["{u}", "{u}", "GET {u} 200 {n}ms", "fetching {u}", "Downloading {u}", "{u} returned 404", '"{u}"', "<{u}>", "see {u}.", "error sending request for url ({u})", "redirect -> {u}", "uri={u} status=304", "请求 {u} 超时", '{"uri":"{u}","status":200}', "cached {u} for 60s"]).replace("{u}", pick(UR)).replace("{n}", str(R.randint(10, 99))).replace("{N}", str(R.randint(1000, 99999))).replace("{P}", str(R.randint(1024, 9000))).replace("{h}", hexs(12)), 180)
AT = ["logo@2x.png", "icon-{n}@3x.png", "serde@1.0.{n}", "tokio@1.{n}.1", "curve25519-sha256@libssh.org", "chacha20-poly1305@openssh.com", "hmac-sha2-256-etm@openssh.com", "rsa-sha2-512-cert-v01@openssh.com", "sntrup761x25519-sha512@openssh.com", "zlib@openssh.com", "umac-128-etm@openssh.com", "git@github.com:org/repo-{n}.git", "git@gitlab.com:group/project{n}.git", "@types/node@20.{n}.0", "@babel/core@7.{n}.0", "@app.route(\"/v{n}\")", "getty@tty{m}.service", "user@{n}00.service", "app@sha256:{h}", "HEAD@{{n}}", "main@{upstream}", "actions/checkout@v{m}", "dtolnay/rust-toolchain@stable", "n @ 1..={n} => Some(n)", "@@global.max_connections={n}", "SET @rank = {n}", "@media (min-width: {n}0px)", "foo@^1.{n}", "pkg:cargo/serde@1.0.{n}", "pkg:npm/%40angular/core@12.{n}.0", "@Override public void run{n}()", "kworker@{n}", "systemd-fsck@dev-sda{m}.service", "lodash@npm:4.17.{n}", "serial-getty@ttyS{m}.service", "docker.io/library/redis@sha256:{h}", "@retry(max_attempts={n})", "banner@1.5x.webp", "{n} req @ 12ms", "yarn@3.{n}.2"]
nfill("at_sign", lambda: npre() + pick(["{a}", "{a}", "resolved {a}", "using {a}", "loaded {a} in 4ms", "({a})", "`{a}` not found", "started {a}", "negotiated: {a}", "installing {a}...", '"{a}"', "kex: algorithm {a}" if False else "offer {a}"]).replace("{a}", pick(AT).replace("{n}", str(R.randint(10, 99))).replace("{m}", str(R.randint(1, 6))).replace("{h}", hexs(64))), 180)
PK_ = ["token expired", "invalid password", "User authenticated", "secret rotation completed", "cookie jar cleared", "session timeout after {n}s", "password reset link sent", "access token has expired, refreshing", "wrong credentials supplied", "authorization failed, returning 401", "API key is missing", "address already in use", "the e-mail was not delivered", "phone verification required", "card was declined by issuer", "failed to parse private key", "no bearer token in request", "unexpected token `}` at line {n}", "expected token, found end of input", "missing field `password` at line {n}", "unknown field `api_key`, expected one of `region`, `bucket`", "csrf check passed", "signature verification failed", "credential cache is empty", "password must have at least {n} characters",
       "passwords do not match", "pin the thread to core {n}", "passing the token along to the next stage", "secretary problem solved in {n} steps", "author has {n} commits", "author list updated", "keyboard interrupt", "monkey patching is disabled", "primary key violated", "foreign key constraint fails", "public key pinned", "rate limited: token bucket empty", "tokenizer loaded with {n} merges", "compass heading lost", "bypassing cache", "login page rendered in {n}ms", "the location header is missing", "mobile layout selected", "IP address changed, rebinding", "host is down", "peer closed connection without sending TLS close_notify", "user agent not recognised", "birthday paradox makes {n} collisions likely", "session cookie is missing the Secure attribute", "JWT signature is invalid", "OTP rejected after {n} tries", "basic authentication is disabled", "Bearer scheme required", "Bearer authentication failed", "no basic auth configured", "Basic authentication credentials missing",
       "password authentication failed", "the secret is not mounted", "secrets engine sealed", "keyring is locked", "fax machine offline", "street lights on", "city index rebuilt", "dropped {n} spans with no location", "passport strategy not found", "cardinality too high, {n} series", "zip archive has {n} entries", "latitude is out of range", "gender-neutral wording applied", "first name is required", "email queue drained", "hash of the token is compared in constant time", "the pass rate is {n}%", "all {n} checks passed", "pan and zoom enabled", "scan pass {n} finished", "spin lock held for {n}us"]
nfill("prose_keywords", lambda: npre() + pick(["{s}", "{s}", "{s}.", "warning: {s}", "{s} (retry {k})", "request rejected, {s}", "[{k}] {s}", '{"event":"{s}"}', "{s}; giving up", "worker-{k}: {s}"]).replace("{s}", pick(PK_).replace("{n}", str(R.randint(3, 90)))).replace("{k}", str(R.randint(1, 40))), 240)
CT = ["max_tokens={n}", "token_count={n}", "tokens_used={n}", "prompt_tokens={n} completion_tokens={m}", '{"prompt_tokens":{n},"completion_tokens":{m},"total_tokens":{n}}', "password_length={m}", "session_count={n}", "secret_version={m}", "pin_count={m}", "total_tokens: {n}", "input_tokens={n} output_tokens={m}", "cookie_consent=true", "auth_enabled=false", "has_password=true", "auth_type=none" if False else "auth_method=oidc", "token_type=bearer", "auth_status=ok", "session_duration={n}", "session_timeout={m}s", "password_age={m}", "email_count={n}", "email_sent={n}", "email_queue={n}", "keys_count={n}", "key_count={n}", "host_count={m}", "token_ttl_ms={n}", "secrets_total={n}", "password_attempts_total={n}", "token_bucket={n}", "tokenizer=bpe vocab={n}", "Usage { prompt_tokens: {n}, completion_tokens: {m} }", "Limits { max_tokens: {n}, max_sessions: {m} }", "csrf_enabled=true", "cookies_count={m}", "cookie_size={n}", "message_size={n}", "message_count={m}", "content_length={n}", "content-length: {n}", "content-type: application/json; charset=utf-8",
      "address_family=inet", "ip_version=4", "card_count={n}", "phone_verified=true", "email_verified=false", "token_refresh_rate={m}", "auth_latency_ms={n}", "passed={n} failed={m}", "password_hash_ms={n}", "signature_len={m}", "secret_count={m} key_len=32", "keyspace=orders", "keyword=async", "author_count={m}", "passes={m}", "bypass=false", "compass_enabled=false", "partition_key=orders", "cache_key=orders:{n}", "sort_key=created", "routing_key=orders.created", "primary_key=pk_{m}", "authority=api", "api_key_count={m}", "max_tokens: Some({n})", '{"max_tokens":{n},"temperature":0.7}', '{\\"max_tokens\\":{n}}', "otp_enabled=true", "cards_total={n}", "session_bytes={n}", "cookie_len={m}"]
nfill("counts_under_secret_words", lambda: (npre() + pick(["{s}", "{s}", "{s} status=ok", "run={m} {s}", "usage {s}"]).replace("{s}", pick(CT))).replace("{n}", str(R.randint(10, 99999))).replace("{m}", str(R.randint(1, 64))), 230)
SV = ["   Compiling {c} v{v}", "    Finished `release` profile [optimized] target(s) in {d}.{d}s", "     Running unittests src/lib.rs (target/debug/deps/{c}-{h16})", "test result: ok. {n} passed; 0 failed; {d} ignored; 0 measured; {d} filtered out; finished in {d}.{d}s", "warning: unused import: `std::fmt::Debug`", "error[E0277]: the trait bound `T: Send` is not satisfied", "error: could not compile `{c}` (lib) due to {d} previous errors", "    Updating crates.io index", "error[E0308]: mismatched types", "  Downloaded {n} crates (12.{d} MB) in {d}.{d}s",
      "{t} DEBUG hyper::proto::h1::io: parsed {d} headers", "{t} TRACE hyper::proto::h1::conn: flushed({role}): State { reading: Init, writing: KeepAlive, keep_alive: Busy }", "{t}  WARN tokio::runtime: blocking pool saturated, queue depth {n}", "{t} DEBUG h2::codec::framed_write: send frame=Headers { stream_id: StreamId({d}), flags: (0x4: END_HEADERS) }", "{t} DEBUG h2::proto: received frame=WindowUpdate { stream_id: StreamId(0), size_increment: {N} }", "{t}  INFO tower_http::trace::on_response: finished processing request latency={d} ms status=200", "{t} DEBUG tower_http::trace::on_request: started processing request", "{t} ERROR tonic::transport::server: status: Unavailable, message: \"upstream connect error\", details: [], metadata: MetadataMap { headers: {} }" if False else "{t} ERROR tonic::transport: transport error after {n} ms",
      "{t}  WARN sqlx::query: summary=\"SELECT id, state FROM …\" rows_affected=0 rows_returned={n} elapsed={d}.{d}ms", "{t} DEBUG sqlx::pool: acquired connection idle={d} size={n}", "{t}  INFO axum::serve: listening, workers={d}", "{t} DEBUG rustls::client::hs: Using ciphersuite TLS13_AES_256_GCM_SHA384", "{t} DEBUG rustls::client::tls13: Not resuming", "[{T},{ms}] INFO [GroupCoordinator {d}]: Stabilized group orders generation {n} (__consumer_offsets-{d}) (kafka.coordinator.group.GroupCoordinator)", "[{T},{ms}] INFO [Log partition=orders-{d}, dir=/var/lib/kafka/data] Rolled new log segment at offset {N} in {d} ms. (kafka.log.Log)", "[{T},{ms}] WARN [ReplicaFetcher replicaId={d}, leaderId={d}, fetcherId=0] Error in fetch (kafka.server.ReplicaFetcherThread)",
      "I0512 08:14:33.{us}       1 controller.go:{n}] \"Starting workers\" controller=\"deployment\" workers={d}", "E0512 08:14:33.{us}    {n} kubelet.go:{n}] \"Skipping pod synchronization\" err=\"PLEG is not healthy\"", "I0512 08:14:33.{us}    {n} reconciler.go:{n}] \"operationExecutor.VerifyControllerAttachedVolume started\" volume=\"config\" pod=\"default/web-{b5}\"", "W0512 08:14:33.{us}       1 warnings.go:70] policy/v1beta1 PodSecurityPolicy is deprecated in v1.21+, unavailable in v1.25+", "kubelet: Back-off restarting failed container app in pod web-{b10}-{b5}_default", "Normal  Scheduled  {d}s  default-scheduler  Successfully assigned default/web-{b10}-{b5}", "Warning  FailedMount  {d}m  kubelet  MountVolume.SetUp failed for volume \"tls\" : secret \"web-tls\" not found",
      "systemd[1]: Started app.service - Application server.", "systemd[1]: app.service: Main process exited, code=exited, status={d}/FAILURE", "systemd[1]: app.service: Scheduled restart job, restart counter is at {d}.", "systemd[1]: Reached target multi-user.target - Multi-User System.", "kernel: [{n}.{us}] Out of memory: Killed process {n} (app) total-vm:{N}kB, anon-rss:{N}kB", "kernel: [{n}.{us}] EXT4-fs (nvme0n1p1): mounted filesystem with ordered data mode", "{T}.{ms} UTC [{n}] LOG:  checkpoint complete: wrote {n} buffers ({d}.{d}%); 0 WAL file(s) added, 0 removed, {d} recycled; write={d}.{ms} s, sync=0.{ms} s, total={d}.{ms} s", "{T}.{ms} UTC [{n}] LOG:  database system is ready to accept connections", "{T}.{ms} UTC [{n}] ERROR:  relation \"orders\" does not exist at character {d}", "{T}.{ms} UTC [{n}] LOG:  automatic vacuum of table \"app.public.orders\": index scans: {d}", "{T}.{ms} UTC [{n}] FATAL:  the database system is starting up",
      "{Ts} [error] {n}#{n}: *{n} upstream timed out (110: Connection timed out) while reading response header from upstream", "{Ts} [notice] 1#1: start worker process {n}", "{Ts} [warn] {n}#{n}: *{n} an upstream response is buffered to a temporary file /var/cache/nginx/proxy_temp/{d}/00/0000000{d}", "1:M 12 May 2024 08:14:33.{ms} * Background saving terminated with success", "1:M 12 May 2024 08:14:33.{ms} * {n} changes in {d} seconds. Saving...", "1:C 12 May 2024 08:14:33.{ms} * Redis version=7.2.{d}, bits=64, commit=00000000, modified=0, pid=1, just started", "{\"level\":\"warn\",\"ts\":\"{t}\",\"caller\":\"etcdserver/util.go:{n}\",\"msg\":\"apply request took too long\",\"took\":\"{n}.{us}ms\",\"expected-duration\":\"100ms\"}", "{\"level\":\"info\",\"ts\":\"{t}\",\"caller\":\"mvcc/kvstore_compaction.go:{n}\",\"msg\":\"finished scheduled compaction\",\"compact-revision\":{N}}",
      "{t} [INFO]  agent.server.raft: entering follower state: leader-address= leader-id=" if False else "{t} [INFO]  agent.server.raft: starting snapshot up to: index={N}", "{t} [WARN]  agent: Check is now critical: check=service:web", "{t} [DEBUG] agent.server.memberlist.lan: memberlist: Stream connection established", "level=info msg=\"loading plugin\" type=io.containerd.snapshotter.v1", "time=\"{t}\" level=info msg=\"shim disconnected\" id={h64} namespace=moby", "time=\"{t}\" level=warning msg=\"cleaning up after shim disconnected\" namespace=moby", "docker: Status: Downloaded newer image for nginx:1.2{d}", "{h12}: Pull complete", "Step {d}/{d} : RUN cargo build --release", " ---> {h12}", "aws_s3_bucket.assets: Refreshing state... [id=assets-{b5}]", "Apply complete! Resources: {d} added, {d} changed, 0 destroyed.", "module.vpc.aws_subnet.private[{d}]: Creation complete after {d}s [id=subnet-{h17}]", "Error: Error acquiring the state lock",
      "##[group]Run actions/checkout@v4", "##[error]Process completed with exit code {d}.", "Cache restored from key: Linux-cargo-{h64}", "::warning file=src/lib.rs,line={d}::unused variable" if False else "::notice::build took {n}s", "Run cargo test --workspace --locked", "Received {N} of {N} (100.0%), {d}.{d} MBs/sec", "Uploading artifact coverage ({n} KB)", "GC pause {d}.{d}ms heap={n}MB", "[{T},{ms}] INFO Awaiting socket connections on 0 listeners (kafka.network.DataPlaneAcceptor)" if False else "[{T},{ms}] INFO Kafka startTimeMs: {ep} (org.apache.kafka.common.utils.AppInfoParser)", "{t}  INFO app: shutdown signal received, draining {n} connections", "health check ok in {d}ms", "circuit breaker opened after {d} failures"]
def g_sv():
    r = R.randint
    def sub(m):
        k = m.group(1)
        return {"c": lambda: pick(PK), "v": lambda: f"{r(0,4)}.{r(0,40)}.{r(0,200)}", "d": lambda: str(r(1, 9)), "n": lambda: str(r(10, 4000)), "N": lambda: safe_num(r(5, 9)), "t": nts, "T": lambda: f"2024-0{r(1,9)}-{r(10,28)} {r(10,23)}:{r(10,59)}:{r(10,59)}", "Ts": lambda: f"2024/0{r(1,9)}/{r(10,28)} {r(10,23)}:{r(10,59)}:{r(10,59)}", "ms": lambda: dig(3), "us": lambda: dig(6), "role": lambda: "role=server", "h16": lambda: hexs(16), "h12": lambda: hexs(12), "h17": lambda: "0" + hexs(16), "h64": lambda: hexs(64), "b5": lambda: rs(5, "bcdfghjklmnpqrstvwxz2456789"), "b10": lambda: rs(10, "bcdfghjklmnpqrstvwxz2456789"), "ep": lambda: bad_luhn(13, "17")}[k]()
    return re.sub(r"\{(c|v|d|n|N|t|T|Ts|ms|us|role|h16|h12|h17|h64|b5|b10|ep)\}", sub, pick(SV))
nfill("service_logs", g_sv, 340)
A_ = "handle parse refresh validate rotate load encode decode check build resolve store list make".split(); B_ = "auth_token password_policy session_cookie api_key email_address phone_number card_layout secret_store user_login credential_cache jwt_claims csrf_guard access_key geo_location ip_addr mac_address iban_check".split(); C_ = "refresh from_env for_request into_inner with_timeout or_default async impl v2 handler unchecked".split()
def camel(s): return "".join(x.capitalize() for x in s.split("_"))
def g_id():
    a, b, c, b2 = pick(A_), pick(B_), pick(C_), pick(B_)
    return pick([lambda: f"{a}_{b}_{c}", lambda: f"fn {a}_{b}() -> Result<()>", lambda: f"{camel(b)}{camel(c)}", lambda: f"{a}{camel(b)}()", lambda: f"calling {a}_{b}", lambda: f"self.{b}.{c}()", lambda: f"MAX_{b.upper()}_LENGTH", lambda: f"struct {camel(b)}Error", lambda: f"#[derive(Debug)] struct {camel(b)}<'a>", lambda: f"enum {camel(a)}State {{ Idle, Busy, Done }}", lambda: f"{camel(a)}{camel(b)}{camel(c)}Factory", lambda: f"undefined: {a}_{b}", lambda: f"`{a}_{b}` is never used", lambda: f"task {a}-{b.replace('_','-')} finished", lambda: f"feature \"{b.replace('_','-')}\" enabled", lambda: f"com.acme.{a}.{camel(b)}Service", lambda: f"@{camel(a)}{camel(b)}", lambda: f"mod {b};", lambda: f"{b2}::{a}_{c}", lambda: f"get{camel(b)}Authorization()", lambda: f"grpc method /acme.v1.{camel(b)}Service/{camel(a)}", lambda: f"Illegal{camel(a)}{camel(b)}Exception"])()
nfill("code_identifiers", g_id, 180)
TB = "orders users sessions api_keys accounts cards devices invoices".split(); CL = "id state email password_hash token phone created_at ssn iban address name secret".split()
def g_sql():
    t, c, d, e = pick(TB), pick(CL), pick(CL), pick(CL)
    return npre() + pick([f"SELECT {c}, {d} FROM {t} WHERE {e} = $1", f"INSERT INTO {t} ({c}, {d}) VALUES ($1, $2)", f"UPDATE {t} SET {c} = ? WHERE {d} = ?", f"DELETE FROM {t} WHERE {c} = :{c}", f"SELECT count(*) FROM {t} WHERE {c} IS NOT NULL", f"executing SELECT {c} FROM {t} WHERE {d} IN ($1, $2, $3) LIMIT $4", f"prepared s{R.randint(1,99)} as SELECT {c} FROM {t} WHERE {d} = $1", f"CREATE INDEX idx_{t}_{c} ON {t} ({c})", f"ALTER TABLE {t} ADD COLUMN {c} TEXT NOT NULL", f"UPDATE {t} SET {c} = @{c}", f"SELECT {c} FROM {t} WHERE {d} = %s", f"MERGE INTO {t} USING staged ON {t}.id = staged.id", f"null value in column \"{c}\" of relation \"{t}\" violates not-null constraint", f"Seq Scan on {t}  (cost=0.00..{R.randint(10,999)}.{R.randint(10,99)} rows={R.randint(1,9999)} width={R.randint(4,99)})", f"JOIN {t} USING ({c})"])
nfill("sql_placeholders", g_sql, 150)
def g_cfg():
    r = R.randint; n = r(1, 900); m = r(1, 64)
    return npre() + pick([f"PoolOptions {{ max_connections: {n}, min_connections: {m}, acquire_timeout: {m}s, idle_timeout: Some({n}s) }}", f"RetryPolicy {{ max: {m}, base: {n}ms, jitter: true }}", f"Config {{ workers: {m}, tls: true, log_level: Info, features: [\"metrics\", \"gzip\"] }}", f"TlsConfig {{ alpn: [\"h2\", \"http/1.1\"], min_version: Tls1_{r(2,3)}, session_timeout: {n}s }}", f"ServerConfig {{ port: {r(1024,9999)}, backlog: {n}, keep_alive: Some({m}s) }}", f"Limits {{ body_bytes: {n}, header_bytes: {m}, timeout_ms: {n} }}", f"Builder {{ kind: MultiThread, worker_threads: {m}, thread_keep_alive: {n}s }}", f"Auth {{ enabled: {pick(['true','false'])}, token: None, password: None, retries: {m} }}", f"workers = {m}\nlog_level = \"info\"", f"[profile.release]\nopt-level = {r(0,3)}\ncodegen-units = {m}", f"cache: {{ ttl: {n}s, capacity: {m}000 }}", f"{{\"workers\":{m},\"gzip\":true,\"ttl\":{n}}}", f"Metrics {{ interval: {n}ms, buckets: [0.005, 0.01, 0.{m}] }}", f"KafkaConfig {{ partitions: {m}, acks: All, linger_ms: {n}, compression: Zstd }}", f"replicas: {m}\nstrategy: RollingUpdate", f"Backoff {{ initial: {n}ms, factor: 1.{m}, max: {m}s }}", f"RUST_LOG=info,hyper=warn workers={m}", f"Sampler {{ ratio: 0.{n}, parent_based: true }}", f"Duration {{ secs: {n}, nanos: {r(1,999999999)} }}", f"--workers {m} --timeout {n} --color never"])
nfill("config_debug", g_cfg, 160)
NA = ["Passwort abgelaufen, Versuch {n}", "Das Token ist ungültig ({n})", "Verbindung nach {n} ms abgebrochen", "Konfiguration geladen: {n} Einträge", "令牌已过期，重试{n}次", "密码错误，剩余{n}次", "数据库连接超时{n}毫秒", "第{n}批处理完成", "пароль изменён, версия {n}", "срок действия токена истёк через {n} с", "обработано {n} записей", "ошибка чтения файла, код {n}", "パスワードが間違っています（{n}回目）", "接続がタイムアウトしました（{n}ミリ秒）", "{n}件のレコードを処理しました", "비밀번호가 일치하지 않습니다 ({n}회)", "{n}개의 작업이 완료되었습니다", "le jeton a expiré après {n} secondes", "mot de passe oublié, étape {n}", "échec de la requête n° {n}", "la contraseña caducó hace {n} días", "sesión cerrada tras {n} minutos", "a sessão expirou após {n} minutos", "hasło wygasło {n} dni temu", "připojení ukončeno po {n} s", "η σύνδεση έληξε μετά από {n} δευτερόλεπτα", "انتهت صلاحية الرمز بعد {n} ثانية", "הסיסמה פגה לאחר {n} ימים", "टोकन {n} सेकंड में समाप्त", "โทเค็นหมดอายุใน {n} วินาที", "mã thông báo hết hạn sau {n} giây", "şifre {n} gün önce değişti", "✅ build {n} passed", "⚠️ queue depth {n}", "→ step {n} ✓", "lösenordet gick ut för {n} dagar sedan", "wachtwoord verlopen na {n} dagen", "il token è scaduto da {n} minuti", "jelszó lejárt {n} napja", "salasana vanheni {n} päivää sitten", "缓存命中率{n}%", "用户已登录，耗时{n}毫秒"]
nfill("non_ascii_prose", lambda: npre() + pick(NA).replace("{n}", str(R.randint(2, 999))), 170)
PL = ["password=${DB_PASSWORD}", "token=<redacted>", "Authorization: Bearer ***", "Authorization: Bearer ${TOKEN}", "Authorization: Bearer <token>", "Authorization: Basic ***", "api_key=[REDACTED]", "password=******", "password: \"********\"", "secret: {{ .Values.secret }}", "token: ${{ secrets.GITHUB_TOKEN }}", "password = \"<hidden>\"", "client_secret=<your-client-secret>", "api_key=YOUR_API_KEY", "token=xxxxxxxxxxxx", "sk_live_XXXXXXXXXXXXXXXXXXXXXXXX", "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "postgres://${DB_USER}:${DB_PASS}@${DB_HOST}/app", "DATABASE_PASSWORD=${DATABASE_PASSWORD}", "export GITHUB_TOKEN=$GITHUB_TOKEN", "secret=***", "\"password\":\"***\"", "{\"token\":\"[FILTERED]\"}", "password: None", "token: Some(***)", "Secret([REDACTED])", "SecretString([REDACTED])", "email=<redacted>", "email: \"[email]\"", "ip=<redacted>", "cookie: <redacted>", "pwd=%s", "password=$1", "password=:password", "api_key={api_key}", "token={}", "access_token=<access_token>", "https://api.example.com/v1?api_key=<key>", "https://example.com/cb?token=${TOKEN}", "AKIAXXXXXXXXXXXXXXXX", "phone=***", "ssn=***-**-****", "card=**** **** **** ****", "password=%{DB_PASSWORD}", "PGPASSWORD=$PGPASSWORD", "set-cookie: [REDACTED]", "/home/${USER}/app", "/home/<user>/app", "C:\\Users\\%USERNAME%\\app", "<user>@<host>", "${USER}@${HOST}", "token=null", "password=\"\"", "secret=undefined", "password=[FILTERED] user=[FILTERED]"]
nfill("placeholders", lambda: npre() + pick(["{p}", "{p}", "loaded {p}", "env {p} attempt={k}", "{p} retries={k}", "step {k} {p}", "[{k}] {p}"]).replace("{p}", pick(PL)).replace("{k}", str(R.randint(1, 50))), 170)
def g_card():
    p, n = pick([("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("37", 15), ("6011", 16), ("36", 14), ("35", 16), ("62", 16)]); s = bad_luhn(n, p)
    sp = " ".join(s[i:i + 4] for i in range(0, n, 4)) if n == 16 else s
    return npre() + pick([s, f"order={s}", f"ref {s} settled", f"batch {sp}", f"seq={s}", f"parcel {sp} scanned", f"event {s} acked", f"trackingref-{s}", f"[{s}]", f"sku {sp.replace(' ', '-')}", f"offset={s}", f"lot {s}, ok", f"批次{s}"])
nfill("card_like_fail_luhn", g_card, 160)
def g_ph():
    r = R.randint
    return npre() + pick([lambda: f"ISBN 978-3-16-{dig(6)}-0", lambda: f"ISSN {dig(4)}-{dig(4)}", lambda: f"utc offset +0{r(1,9)}30", lambda: f"RFC 7231-{r(10,99)}", lambda: f"part no P/N {r(100,999)}-{dig(4)}-{dig(2)}", lambda: f"INC-2024-{dig(7)}", lambda: f"range {r(100,999)}000-{r(100,999)}999", lambda: f"snapshot 2024-05-{r(10,28)}-{dig(4)}", lambda: f"+{r(2,99)} more", lambda: f"diff +{r(10,999)} -{r(10,999)}", lambda: f"seq=00000{dig(7)}", lambda: f"({r(100,999)}) {r(1,9)} items", lambda: f"ratio {r(1,99)}.{r(100,999)}.{r(10,99)}", lambda: f"ticket {r(10,99)}-{r(10,99)}-{r(1000,9999)}-{r(10,99)}", lambda: f"build 2024.05.{r(10,28)}.{r(100,999)}", lambda: f"cost=0.42..{r(100,999)}.{r(10,99)}", lambda: f"core dump 0{dig(7)}", lambda: f"matrix {r(100,999)}x{r(100,999)}x{r(1000,9999)}", lambda: f"timer +{r(100,9999)}ms", lambda: f"elapsed +{r(10,99)}.{dig(3)}s", lambda: f"pages {r(100,200)}-{r(201,400)}", lambda: f"CVE-2023-{dig(5)}", lambda: f"port range {r(10000,30000)}-{r(30001,60000)}", lambda: f"mem 0x{dig(8)}-0x{dig(8)}", lambda: f"EAN {bad_luhn(13,'40')}"])()
nfill("phone_like_numbers", g_ph, 160)
def cols(n): return ":".join(hexs(2) for _ in range(n))
def g_fp():
    return npre() + pick([lambda: f"SHA256:{b64bytes(32).rstrip('=')}", lambda: f"MD5:{cols(16)}", lambda: cols(16), lambda: cols(20).upper(), lambda: cols(32).upper(), lambda: f"cert sha1 {cols(20).upper()}", lambda: f"certificate sha256 {cols(32).upper()}", lambda: f"256 SHA256:{b64bytes(32).rstrip('=')} (ED25519)", lambda: f"3072 SHA256:{b64bytes(32).rstrip('=')} (RSA)", lambda: f"RSA key fingerprint is SHA256:{b64bytes(32).rstrip('=')}.", lambda: f"ED25519 key fingerprint is MD5:{cols(16)}.", lambda: f"pin-sha256 {b64bytes(32)}" if False else f"spki sha256/{b64bytes(32)}", lambda: f"X509v3 Subject Key Identifier {cols(20).upper()}", lambda: f"keyid:{cols(20).upper()}", lambda: f"SubjectKeyIdentifier {hexs(40).upper()}", lambda: f"gpg: key {hexs(16).upper()}: public key imported", lambda: f"verified {hexs(40).upper()} against keyring", lambda: f"Serial Number of CA {cols(16)}" if False else f"issuer cert ({cols(20)})", lambda: f"thumb {hexs(40)}"])()
nfill("fingerprints", g_fp, 150)

for fn, rows in (("positives.jsonl", POS), ("negatives.jsonl", NEG)):
    R.shuffle(rows)
    with open(os.path.join(HERE, fn), "w", encoding="utf-8") as f:
        for r in rows: f.write(json.dumps(r, ensure_ascii=False) + "\n")
if __name__ == "__main__":
    from collections import Counter
    print(len(POS), len(NEG)); print(dict(Counter(n["family"] for n in NEG)))
