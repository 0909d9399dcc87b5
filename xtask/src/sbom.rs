//! What is linked into the programs, in the words of CycloneDX 1.5, for those who look for holes in it.

use std::path::Path;

use serde_json::{Value, json};

use crate::linked::{Linked, linked};

/// Writes the list into `file`.
///
/// # Errors
/// Cargo, or the file, in words.
pub fn write(root: &Path, version: &str, file: &Path) -> Result<(), String> {
    let components: Vec<Value> = linked(root)?.iter().map(component).collect();
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "kaspid", "version": version, "bom-ref": "kaspid"}},
        "components": components,
    });
    let text = serde_json::to_string_pretty(&document).map_err(|error| error.to_string())?;
    std::fs::write(file, text + "\n").map_err(|error| format!("{}: {error}", file.display()))
}

fn component(each: &Linked) -> Value {
    let Linked { name, version, license, checksum, .. } = each;
    let address = format!("pkg:cargo/{name}@{version}");
    let mut component = json!({
        "type": "library",
        "name": name,
        "version": version,
        "purl": address,
        "bom-ref": address,
        "licenses": [{"expression": license.replace('/', " OR ")}],
    });
    if let (Some(sum), Some(fields)) = (checksum, component.as_object_mut()) {
        fields.insert("hashes".to_owned(), json!([{"alg": "SHA-256", "content": sum}]));
    }
    component
}
