// What a person sees in an editor that has VS Code's JSON engine (VS Code, Neovim, Helix, Zed, ...). Run by tests/it/editor.rs.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { complete, expanded, hover, problems } from './engine.mjs';

const builder = (inside) => `{"builders": [{"type": "amazon-ebs", ${inside}}]}`;
const labels = async (text) => (await complete(text)).map((item) => item.label);
const written = async (text, label) => (await complete(text)).find((item) => item.label === label)?.writes;

test('an empty file offers a whole template, and it is right', async () => {
  const [whole, ...others] = await complete('|');
  assert.equal(whole.label, 'template');
  assert.deepEqual(others, []);
  const text = expanded(whole.writes);
  assert.deepEqual(await problems(text), []);
  assert.equal(JSON.parse(text).builders[0].ami_name, 'my-image-{{timestamp}}');
});

test('the top of a template', async () => {
  assert.deepEqual(await labels('{|}'), [
    '$schema',
    'description',
    'min_packer_version',
    'variables',
    'sensitive-variables',
    'builders',
    'provisioners',
    'error-cleanup-provisioner',
    'post-processors',
  ]);
  assert.equal(await written('{|}', 'builders'), '"builders": [$1]');
});

test('types of builders, with what they are', async () => {
  const items = await complete('{"builders": [{"type": |}]}');
  const says = new Map(items.map((item) => [item.label, item.says]));
  assert.equal(
    says.get('"amazon-ebs"'),
    'Makes an EBS-backed image: launches an instance of a source image, provisions it, and makes an image of it.',
  );
  assert.deepEqual([...says.keys()].filter((label) => label.startsWith('"amazon-')).sort(), [
    '"amazon-chroot"',
    '"amazon-ebs"',
    '"amazon-ebssurrogate"',
    '"amazon-ebsvolume"',
    '"amazon-instance"',
  ]);
  // Those of other platforms are let through, not offered.
  assert.ok(!items.some(({ label }) => label.includes('docker')));
});

test('keys of amazon-ebs, as they are written', async () => {
  const items = await complete(builder('|'));
  assert.ok(items.length > 130, `only ${items.length} keys`);
  const writes = (label) => items.find((item) => item.label === label)?.writes;
  assert.equal(writes('region'), '"region": $1');
  assert.equal(writes('subnet_id'), '"subnet_id": "$1"');
  assert.equal(writes('ebs_optimized'), '"ebs_optimized": $1');
  assert.equal(writes('source_ami_filter'), '"source_ami_filter": {$1}');
  assert.equal(writes('ami_regions'), '"ami_regions": [$1]');
  assert.equal(writes('tags'), '"tags": {$1}');
  // Known, but nothing for a new template.
  assert.equal(writes('ssh_wait_timeout'), undefined);
  assert.equal(writes('enable_t2_unlimited'), undefined);
  const silent = items.filter((item) => item.says === '').map((item) => item.label);
  assert.deepEqual(silent, [], 'keys without a word about them');
});

test('keys of parts of a builder', async () => {
  assert.ok((await labels(builder('"launch_block_device_mappings": [{|}]'))).includes('volume_type'));
  assert.deepEqual(await labels(builder('"metadata_options": {|}')), [
    'http_endpoint',
    'http_tokens',
    'http_put_response_hop_limit',
    'instance_metadata_tags',
  ]);
});

test('values that a key can have', async () => {
  assert.deepEqual(await labels(builder('"communicator": |')), ['"ssh"', '"winrm"', '"none"']);
  assert.deepEqual(await labels(builder('"shutdown_behavior": |')), ['"stop"', '"terminate"']);
  assert.deepEqual(await labels(builder('"encrypt_boot": |')), ['true', 'false']);
  assert.deepEqual(await labels(builder('"ssh_timeout": |')), ['"5m"', '"10m"']);
  assert.deepEqual(await labels(builder('"subnet_id": |')), ['""']);
  assert.deepEqual((await labels(builder('"launch_block_device_mappings": [{"volume_type": |}]'))).slice(0, 2), ['"gp3"', '"gp2"']);
  assert.deepEqual(await labels('{"provisioners": [{"type": "file", "direction": |}]}'), ['"upload"', '"download"']);
});

test('keys and values of provisioners and post-processors', async () => {
  assert.ok((await labels('{"provisioners": [{"type": "shell", |}]}')).includes('environment_vars'));
  assert.ok((await labels('{"provisioners": [{"type": "ansible", |}]}')).includes('playbook_file'));
  assert.ok((await labels('{"provisioners": [{"type": "shell", "override": {"web": {|}}}]}')).includes('inline'));
  assert.ok((await labels('{"post-processors": [{"type": "manifest", |}]}')).includes('strip_path'));
  assert.ok((await labels('{"post-processors": [[{"type": "manifest", |}]]}')).includes('strip_path'));
});

test('a snippet for each component, and each is right', async () => {
  const places = { builders: '{"builders": [|]}', provisioners: '{"builders": [{"type": "null"}], "provisioners": [|]}' };
  places['post-processors'] = places.provisioners.replace('provisioners', 'post-processors');
  for (const [section, text] of Object.entries(places)) {
    const types = (await complete(`{"${section}": [{"type": |}]}`)).map((item) => JSON.parse(item.label));
    const snippets = await complete(text);
    assert.deepEqual(snippets.map((item) => item.label), types, section);
    for (const { label, writes } of snippets) {
      const filled = text.replace('|', () => expanded(writes));
      assert.deepEqual(await problems(filled), [], `${section}: ${label}`);
    }
  }
});

test('help over keys', async () => {
  const text = await hover(builder('"ssh_time|out": "5m"'));
  assert.equal(text, 'How long to wait for SSH: `10m`. Default: 5m; no limit where only `ssh_handshake_attempts` is set.');
  assert.match(await hover('{"builders": [{"type": "amazon-ebssurrogate", "reg|ion": "x"}]}'), /^Region in which the image is built/);
  assert.match(await hover('{"provisioners": [{"type": "shell", "execute_com|mand": "x"}]}'), /`\{\{\.Path\}\}`/);
  assert.match(await hover('{"x": "|1"}', 'vars'), /Always a string/);
});

test('mistakes are underlined, in words', async () => {
  const cases = [
    ['{"builders": [{"type": "amazon-esb"}]}', /^1: Value is not accepted\. Valid values: "amazon-chroot", "amazon-ebs", /],
    ['{"builders": [{}]}', /^1: Missing property "type"\.$/],
    [builder('"regoin": "x"'), /^1: Property regoin is not allowed\.$/],
    [builder('"communicator": "telnet"'), /^1: Value is not accepted\. Valid values: "ssh", "winrm", "none"\.$/],
    [builder('"ssh_timeout": "10"'), /^1: A duration is a number with its unit, such as "30s", "5m" or "1h30m"\.$/],
    [builder('"ebs_optimized": "maybe"'), /^1: This must be true or false\.$/],
    [builder('"instance_type": ["t3.micro"]'), /^1: Incorrect type\. Expected "string"\.$/],
    ['{"builders": [{"type": "null"}], "post-processors": ["nope"]}', /^1: Value is not accepted\./],
  ];
  for (const [text, expected] of cases) {
    const found = await problems(text);
    assert.equal(found.length, 1, `${text}: ${found.join(' ')}`);
    assert.match(found[0], expected, text);
  }
});

test('what old templates write is not underlined', async () => {
  const old = [
    builder('"ssh_port": "22", "encrypt_boot": "true", "ami_regions": "us-east-1,us-west-2", "subnet_id": "", "tags": [{"a": "b"}]'),
    builder('"communicator": "{{user `c`}}", "ssh_timeout": "{{user `t`}}", "launch_block_device_mappings": {"volume_size": "{{user `s`}}"}'),
    '{"_comment": "x", "builders": [{"type": "docker", "anything": {}}], "provisioners": [{"type": "windows-update"}], "post-processors": ["atlas"]}',
  ];
  for (const text of old) {
    assert.deepEqual(await problems(text), [], text);
  }
});

// Paths, one a line: templates that `validate` accepts, and their var files.
for (const [variable, what] of [['AMIBAKE_TEMPLATES', 'template'], ['AMIBAKE_VAR_FILES', 'vars']]) {
  for (const path of (process.env[variable] ?? '').split('\n').filter(Boolean)) {
    test(`nothing is underlined in ${path}`, async () => {
      assert.deepEqual(await problems(readFileSync(path, 'utf8'), what, path), []);
    });
  }
}
