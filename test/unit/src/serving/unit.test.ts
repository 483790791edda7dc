import { expect, test } from 'vitest';
import { serviceUnit, type UnitParts } from '#src/serving/unit.js';

const program = ['/usr/bin/node', '/opt/lanpost/lanpost.js'];
const user = { name: 'lanpost', isNew: false };

function lineOf(key: string, parts: Partial<UnitParts>): string | undefined {
  const unit = serviceUnit({ program, folder: '/srv/share', state: undefined, user, ...parts });
  return unit.split('\n').find((line) => line.startsWith(`${key}=`));
}

test.each([
  ['a b', '"/srv/a b"'],
  ['50%n', '"/srv/50%%n"'],
  ['"x"', '"/srv/\\"x\\""'],
  ['back\\slash', '"/srv/back\\\\slash"'],
  ['two\nlines', '"/srv/two\\u000alines"'],
  ['$HOME', '"/srv/$HOME"'],
])('the folder %j stays one word, and means itself', (name, quoted) => {
  const folder = `/srv/${name}`;
  const command = 'ExecStart=:"/usr/bin/node" "/opt/lanpost/lanpost.js" "serve"';
  expect(lineOf('ExecStart', { folder })).toBe(`${command} ${quoted}`);
  expect(lineOf('ReadWritePaths', { folder })).toBe(`ReadWritePaths=${quoted}`);
});

test('flags stand behind the folder, each one word', () => {
  expect(lineOf('ExecStart', { flags: ['--open=rw', '--name=a "b" 5%'] })).toMatch(
    / "serve" "\/srv\/share" "--open=rw" "--name=a \\"b\\" 5%%"$/,
  );
});

test('nothing of a name becomes a line of its own, in a comment neither', () => {
  const folder = '/srv/x\nExecStartPre=/bin/evil';
  const unit = serviceUnit({ program, folder, state: undefined, user: { ...user, isNew: true } });
  expect(unit).not.toMatch(/^ExecStartPre/m);
});

test.each([
  ['/srv/share', program, 'yes'],
  ['/homestead', program, 'yes'],
  ['/home/amber/share', program, 'read-only'],
  ['/srv/share', ['/root/.nvm/node', '/opt/lanpost.js'], 'read-only'],
])('homes are hidden unless something of it lies there: %s %j', (folder, words, expected) => {
  expect(lineOf('ProtectHome', { folder, program: words })).toBe(`ProtectHome=${expected}`);
});

test('a home with the settings of the service is not hidden from it', () => {
  expect(lineOf('ProtectHome', { flags: ['--config=/home/amber/mine.json'] })).toBe(
    'ProtectHome=read-only',
  );
  expect(lineOf('ProtectHome', { flags: ['--config=/etc/mine.json'] })).toBe('ProtectHome=yes');
});

test("a user's own service asks for nothing that takes root, and keeps the user's state", () => {
  const own = { state: '/home/amber/.local/state/lanpost', user: undefined };
  const unit = serviceUnit({ program, folder: '/srv/share', state: own.state });
  expect(unit).not.toMatch(/^(User|ProtectSystem|CapabilityBoundingSet|PrivateDevices)=/m);
  expect(unit).toContain(`Environment="LANPOST_HOME=${own.state}"\n`);
});
