import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const font = (file: string) => require.resolve(`dejavu-fonts-ttf/ttf/${file}`);

/**
 * A picture as PNG, for readers whose mail programs show no SVG; drawn beside the event loop. Null
 * where this machine has no binary for it: then the mail goes without.
 */
export async function pngOf(svg: string): Promise<Uint8Array | null> {
  const resvg = await import("@resvg/resvg-js").catch(() => null);
  if (resvg === null) return null;
  const image = await resvg.renderAsync(svg, {
    // The font by whose widths texts are laid out; the machine's own may be any.
    font: {
      loadSystemFonts: false,
      fontFiles: [font("DejaVuSans.ttf"), font("DejaVuSans-Bold.ttf")],
      defaultFontFamily: "DejaVu Sans",
    },
    fitTo: { mode: "width", value: 1_020 },
  });
  return image.asPng();
}
