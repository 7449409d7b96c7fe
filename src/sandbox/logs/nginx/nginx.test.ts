/** nginx: its configuration language, which location serves, and which logins it accepts. */
import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { find, locationFor, parseNginx, substitute } from './configuration.ts';
import { apr1, checkLogin } from './htpasswd.ts';

it('reads blocks, quotes, comments and variables', () => {
  const [http] = parseNginx(
    `http { # comment { ;\n map $a $b { "" "noop="; default $a; }\n set $x "a;b \\" c";\n location = / { return 200 'OK'; } proxy_pass $backend$request_uri; }`,
  );
  expect(find(http?.inside, 'set')?.args).toEqual(['$x', 'a;b " c']);
  expect(find(http?.inside, 'location')).toMatchObject({ args: ['=', '/'], inside: [{ name: 'return', args: ['200', 'OK'] }], line: 4 });
  expect(substitute('$backend${uri}-$none', { backend: 'b', uri: '/u' })).toBe('b/u-');
});

it.each([
  ['http {', 'unexpected end of file, expecting "}"'],
  ['worker 1', 'unexpected end of file, expecting ";" or "}"'],
  ['}', 'unexpected "}"'],
  ['http { ; }', 'unexpected ";"'],
])('refuses %j', (source, message) => {
  expect(() => parseNginx(source)).toThrow(message);
});

it('prefers exact, then the longest ^~ prefix, then expressions, then plain prefixes', () => {
  const server = parseNginx('location = /a/b {} location ^~ /a/ {} location ~ ^/x/\\d {} location /x/ {} location / {}');
  const served = (path: string) => locationFor(server, path)?.args.join(' ');
  expect(['/a/b', '/a/c', '/x/1', '/x/y', '/other'].map(served)).toEqual(['= /a/b', '^~ /a/', '~ ^/x/\\d', '/x/', '/']);
});

it('knows the password formats of htpasswd', () => {
  const sha = (text: string) => createHash('sha1').update(text).digest();
  // From `openssl passwd -apr1 -salt abcdefgh secretpw`.
  expect(apr1('secretpw', 'abcdefgh')).toBe('Ux9OpQMmHFXnAvB1NMEVw/');
  const file = [
    'plain:{PLAIN}pw',
    `sha:{SHA}${sha('pw').toString('base64')}`,
    `ssha:{SSHA}${Buffer.concat([createHash('sha1').update('pw').update('salt').digest(), Buffer.from('salt')]).toString('base64')}`,
    'apr:$apr1$abcdefgh$Ux9OpQMmHFXnAvB1NMEVw/',
    'bcrypt:$2y$04$abcdefghijklmnopqrstuuyvPXIbu7xe6/CED2DzX8z6Si09MlzlW',
    'crypt:$6$salt$hash',
  ].join('\n');
  // The bcrypt hash is libxcrypt's.
  expect(['plain:pw', 'sha:pw', 'ssha:pw', 'apr:secretpw', 'bcrypt:pw'].map((login) => checkLogin(file, login))).toEqual(Array(5).fill('right'));
  expect(['bcrypt:no', 'plain:no', 'sha:no', 'ssha:no', 'apr:no', 'nobody:pw', ':pw', 'plain'].map((login) => checkLogin(file, login))).toEqual(
    Array(8).fill('wrong'),
  );
  expect(checkLogin(file, 'crypt:pw')).toBe('unknown-hash');
});
