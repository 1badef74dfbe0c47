// Preloaded on Node 22, whose V8 has no `using`: esbuild lowers the test files that declare something with it. Sources of
// core are left alone, so that a `using` in what users get would fail here.
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import { transformSync } from 'esbuild'

const declares = /^\s*(?:await )?using \w+ =/m

registerHooks({
  load(url, context, nextLoad) {
    if (!url.endsWith('.test.ts')) return nextLoad(url, context)
    const path = fileURLToPath(url)
    const text = readFileSync(path, 'utf8')
    if (!declares.test(text)) return nextLoad(url, context)
    const { code } = transformSync(text, { loader: 'ts', target: 'node22', sourcefile: path, sourcemap: 'inline' })
    return { format: 'module', source: code, shortCircuit: true }
  },
})
