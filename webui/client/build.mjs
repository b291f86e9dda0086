// Builds the client into ../static/dist: hashed files, manifest.json, .br and .gz beside each.
// Every entry point is named here; what they share is split into chunks by esbuild.
import { build } from "esbuild";
import { mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

const HERE = dirname(fileURLToPath(import.meta.url));
const DIST = join(HERE, "..", "static", "dist");
const ENTRIES = ["page", "doctor", "person", "patient", "offline", "worker", "consult", "ring", "security", "station"];
const STYLES = ["app"];
const COMPRESSIBLE = /\.(js|css|svg|json)$/;

/** Builds into a fresh folder beside the target and swaps it in, so a failed build changes nothing. */
async function main() {
  const fresh = `${DIST}.new`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true });
  const result = await build({
    absWorkingDir: HERE,
    entryPoints: [
      ...ENTRIES.map((name) => ({ in: `src/${name}.ts`, out: name })),
      ...STYLES.map((name) => ({ in: `src/styles/${name}.css`, out: name })),
      { in: "src/icon.svg", out: "icon" },
    ],
    outdir: fresh,
    bundle: true,
    splitting: true,
    format: "esm",
    target: ["es2022"],
    minify: true,
    legalComments: "none",
    metafile: true,
    entryNames: "[name].[hash]",
    chunkNames: "chunk.[hash]",
    assetNames: "[name].[hash]",
    loader: { ".woff2": "file", ".svg": "copy" },
    logLevel: "warning",
  });
  await writeFile(join(fresh, "manifest.json"), JSON.stringify(manifest(result, fresh), null, 1));
  await compress(fresh);
  await rm(DIST, { recursive: true, force: true });
  await rename(fresh, DIST);
}

/** `{"doctor.js": {"file": "doctor.X.js", "imports": ["chunk.Y.js"]}, "app.css": …, fonts}`. */
function manifest(result, fresh) {
  const entries = {};
  for (const [path, output] of Object.entries(result.metafile.outputs)) {
    const file = relative(fresh, join(HERE, path));
    const name = basename(file).replace(/\.[A-Z0-9]{8}(?=\.)/, "");
    if (name.startsWith("chunk.")) continue;
    const imports = output.imports.filter((i) => i.kind === "import-statement");
    entries[name] = { file, imports: imports.map((i) => relative(fresh, join(HERE, i.path))) };
  }
  return entries;
}

async function compress(folder) {
  const names = (await readdir(folder)).filter((name) => COMPRESSIBLE.test(name));
  const brotli = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
  for (const name of names) {
    const bytes = await readFile(join(folder, name));
    await writeFile(join(folder, `${name}.gz`), await promisify(gzip)(bytes, { level: 9 }));
    await writeFile(join(folder, `${name}.br`), await promisify(brotliCompress)(bytes, brotli));
  }
}

await main();
