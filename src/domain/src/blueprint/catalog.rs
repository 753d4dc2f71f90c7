//! The blueprints that ship with the house. Knows their names; does not know what they say.

/// Every blueprint that ships: its id and its text.
pub fn catalog() -> &'static [(&'static str, &'static str)] {
    &[
        ("bellface", include_str!("catalog/bellface.toml")),
        ("channel_talk", include_str!("catalog/channel_talk.toml")),
        ("linc_biz", include_str!("catalog/linc_biz.toml")),
        ("momos", include_str!("catalog/momos.toml")),
        ("respond_io", include_str!("catalog/respond_io.toml")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blueprint::Blueprint;

    #[test]
    fn every_blueprint_that_ships_is_sound_and_bears_its_name() {
        for (id, text) in catalog() {
            let blueprint = Blueprint::parse(text).unwrap_or_else(|error| panic!("{id}: {error}"));
            assert_eq!(blueprint.id(), *id);
        }
    }
}
