import { VantResolver } from '@vant/auto-import-resolver'
import legacy from '@vitejs/plugin-legacy'
import vue from '@vitejs/plugin-vue'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, URL } from 'node:url'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { ElementPlusResolver } from 'unplugin-vue-components/resolvers'
import Components from 'unplugin-vue-components/vite'
import { defineConfig, type Plugin } from 'vite'

const page = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** Serves the two pages for their deep links while developing, as the service does in production. */
const deepLinks: Plugin = {
  name: 'deep-links',
  configureServer(server) {
    server.middlewares.use((request, _response, next) => {
      if (/^\/desk(\/|\?|$)/.test(request.url ?? '')) request.url = '/desk.html'
      next()
    })
  },
}

/** Vant's icon font (40 kB inside a stylesheet) is not used: our icons are drawn as SVG. */
const withoutIconFont: Plugin = {
  name: 'without-icon-font',
  enforce: 'pre',
  load: (id) => (/[\\/]vant[\\/]es[\\/]icon[\\/]index\.css/.test(id) ? '' : undefined),
}

/** Lays every text file compressed beside itself; the service sends the form that a browser takes. */
const compressed: Plugin = {
  name: 'compressed',
  apply: 'build',
  writeBundle: {
    order: 'post',
    handler(options, bundle) {
      for (const name of Object.keys(bundle).filter((one) => /\.(js|css|html|svg)$/.test(one))) {
        const file = join(options.dir!, name)
        const content = readFileSync(file)
        writeFileSync(`${file}.br`, brotliCompressSync(content))
        writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }))
      }
    },
  },
}

export default defineConfig({
  plugins: [
    vue(),
    Components({
      dirs: [],
      dts: 'src/components.d.ts',
      resolvers: [VantResolver(), ElementPlusResolver({ importStyle: 'css' })],
    }),
    // One bundle for everybody, polyfilled for the oldest engines in the field; no inline scripts, so that a strict
    // Content-Security-Policy holds. Web APIs are not polyfilled: see src/api/ids.ts.
    legacy({
      modernTargets: ['chrome >= 87', 'safari >= 14', 'ios_saf >= 14'],
      modernPolyfills: true,
      renderLegacyChunks: false,
    }),
    deepLinks,
    withoutIconFont,
    compressed,
  ],
  resolve: { alias: { '@': page('src') } },
  build: {
    outDir: '../static',
    emptyOutDir: true,
    cssTarget: ['chrome87', 'safari14'],
    chunkSizeWarningLimit: 800,
    rollupOptions: { input: { index: page('index.html'), desk: page('desk.html') } },
  },
  server: { host: '127.0.0.1', proxy: { '/api': { target: process.env.PEIBAN_DEV_SERVER ?? 'http://127.0.0.1:8080', ws: true } } },
})
