import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { pinnedImage, projectRoot, readText } from './deployFiles.js';

const files = readdirSync(path.join(projectRoot, 'deploy'), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && path.basename(entry.parentPath) !== 'secrets')
  .map((entry) => path.relative(projectRoot, path.join(entry.parentPath, entry.name)));

/** Wherever one is named: in YAML, in a Dockerfile, in a script. */
const imagesOf = (text: string) =>
  [...text.matchAll(/(?:\bimage: |^FROM |_image=)(\S+)/gm)].map(([, image = '']) => image);

const images = files.flatMap((file) => imagesOf(readText(file)).map((image) => [image, file] as const));
/** Kustomize puts its name and tag in. */
const others = images.filter(([image]) => image !== 'ai-cluster');

describe('images in deploy/', () => {
  it('are all of those', () => {
    const names = new Set(others.map(([image]) => image.split(':')[0]));
    expect([...names].sort()).toEqual([
      'ai-cluster',
      'grafana/grafana',
      'node',
      'prom/alertmanager',
      'prom/prometheus',
    ]);
  });

  it.each(others)('%s of %s is pinned', (image) => {
    expect(image).toMatch(pinnedImage);
  });

  it('are of one version each', () => {
    expect(new Set(others.map(([image]) => image)).size).toBe(5);
  });

  it('our own has the version of the package', () => {
    const { version } = JSON.parse(readText('package.json')) as { version: string };
    expect(others.map(([image]) => image)).toContain(`ai-cluster:${version}`);
    expect(readText('deploy/k8s/kustomization.yaml')).toContain(`newTag: ${version}\n`);
    expect(readText('deploy/docker/Dockerfile')).toContain(`-t ai-cluster:${version} .`);
  });
});

describe('deploy/', () => {
  it.each(files)('%s has no password that everybody knows, and nothing that is the newest', (file) => {
    const text = readText(file);
    expect(text).not.toMatch(/admin_password: *\S|ADMIN_PASSWORD[=:] *["']?(?!\\?\$)\w/i);
    expect(text).not.toMatch(/:latest\b/);
  });
});

describe('the image', () => {
  const stages = readText('deploy/docker/Dockerfile').split(/^(?=FROM )/m);

  it('ends as an ordinary user, named by number', () => {
    expect(stages.at(-1)?.match(/^USER (.+)$/gm)).toEqual(['USER 1000:1000']);
  });

  it('installs what the lockfile says, without scripts, and keeps nothing that only builds', () => {
    const build = stages.find((stage) => / AS build$/m.test(stage)) ?? '';
    expect(build).toContain('npm ci --ignore-scripts');
    expect(build.indexOf('npm prune --omit=dev')).toBeGreaterThan(build.indexOf('npm run build'));
    expect(stages.at(-1)).not.toContain('npm ');
  });

  it('takes only files that .dockerignore lets through', () => {
    const lines = readText('.dockerignore').split('\n');
    const admitted = lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
    expect(lines.find((line) => line !== '' && !line.startsWith('#'))).toBe('*');
    const copied = stages
      .join('')
      .split('\n')
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
      .flatMap((line) => line.split(' ').slice(1, -1));
    expect(new Set(copied)).toEqual(new Set(admitted));
  });
});
