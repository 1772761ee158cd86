//! The browser's entry: hydrates islands. Public pages do not load it.

// Names the crate with the islands, or the linker drops them all.
#[cfg(feature = "hydrate")]
use app as _;

#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    leptos::mount::hydrate_islands();
}
