/** `htpasswd -c FILE USER` as Apache's writes it unasked: one line with an apr1 hash. Shares no code with the gateway that will check it. */
import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';

const [flag, file, user] = process.argv.slice(2);
const password = process.env['GUIDE_PASSWORD'];
if (flag !== '-c' || !file || !user || !password) {
  process.stderr.write('usage: GUIDE_PASSWORD=... htpasswd -c FILE USER\n');
  process.exit(2);
}
const salt = randomBytes(6).toString('base64').replaceAll('+', '.');
writeFileSync(file, `${user}:${hash(password, salt)}\n`);
process.stdout.write(`Adding password for user ${user}\n`);

function md5(...parts) {
  return createHash('md5')
    .update(Buffer.concat(parts.map((part) => Buffer.from(part))))
    .digest();
}

function hash(secret, seasoning) {
  const length = Buffer.byteLength(secret);
  const inner = md5(secret, seasoning, secret);
  const bits = [...length.toString(2)].reverse().map((bit) => (bit === '1' ? '\0' : secret[0]));
  let digest = md5(secret, '$apr1$', seasoning, Buffer.alloc(length, inner), bits.join(''));
  for (let round = 0; round < 1000; round += 1) {
    const odd = round % 2 === 1;
    digest = md5(odd ? secret : digest, round % 3 ? seasoning : '', round % 7 ? secret : '', odd ? digest : secret);
  }
  return `$apr1$${seasoning}$${letters(digest)}`;
}

/** Apache's order of the bytes and its own 64 letters, lowest six bits first. */
function letters(digest) {
  const alphabet = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  const groups = [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5], [11]];
  return groups
    .map((group) => {
      const value = group.reduce((sum, at) => sum * 256 + digest[at], 0);
      return Array.from({ length: group.length + 1 }, (_, at) => alphabet[(value >> (6 * at)) & 63]).join('');
    })
    .join('');
}
