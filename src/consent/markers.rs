//! How build machines show themselves: the variables of continuous integration.
//!
//! The names are the union of what the `ci-info` (npm), `is_ci` (Rust) and dotnet SDK projects look for, and the plain
//! `JENKINS`. A *certain* marker is set by build machines and by nothing else that is known; a *probable* one is also
//! set where applications run for good (Render, Vercel, Netlify, Heroku), or is so general a name that a person may
//! have it set (`BUILD_ID`, `TASKCLUSTER_ROOT_URL`). Probable ones are shown and decide nothing: all these build
//! machines set `CI` as well.

use crate::app::{Environment, Var};

use super::word::Word;

/// A variable, or several, that tell of a build machine.
#[derive(Debug)]
pub(super) struct Marker {
    pub(super) certainty: Certainty,
    /// All of them must hold.
    signs: &'static [Sign],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Certainty {
    Certain,
    Probable,
}

#[derive(Debug)]
enum Sign {
    /// Set, not empty, and not one of `0 false no off`.
    Set(&'static str),
    /// Its value contains this.
    Has(&'static str, &'static str),
}

impl Marker {
    pub(super) fn is_found(&self, environment: &Environment) -> bool {
        self.signs.iter().all(|sign| sign.holds(environment))
    }

    /// The variables, as in `JENKINS_URL+BUILD_ID`.
    pub(super) fn name(&self) -> String {
        let names: Vec<_> = self.signs.iter().map(Sign::name).collect();
        names.join("+")
    }

    /// Unset what, to be no build machine? The first name is the telling one.
    pub(super) fn first_name(&self) -> &'static str {
        self.signs.first().map_or("CI", Sign::name)
    }
}

impl Sign {
    fn holds(&self, environment: &Environment) -> bool {
        match self {
            Self::Set(name) => matches!(Word::of_var(&environment.var(name)), Word::Yes | Word::Other),
            Self::Has(name, part) => {
                matches!(environment.var(name), Var::Text(text) if text.contains(part))
            }
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Set(name) | Self::Has(name, _) => name,
        }
    }
}

/// Whether the environment says that it is no build machine, whatever else is set.
pub(super) fn cleared(environment: &Environment) -> bool {
    Word::of_var(&environment.var("CI")) == Word::No
}

macro_rules! markers {
    ($($certainty:ident { $($($name:literal $(has $part:literal)?)&+,)* })*) => {
        &[$($(Marker { certainty: Certainty::$certainty, signs: &[$(markers!(@ $name $($part)?)),+] }),*),*]
    };
    (@ $name:literal) => { Sign::Set($name) };
    (@ $name:literal $part:literal) => { Sign::Has($name, $part) };
}

/// All markers; the ones that people know come first, since the first one found is named.
pub(super) const MARKERS: &[Marker] = markers! {
    Certain {
        "CI",
        "GITHUB_ACTIONS",
        "TRAVIS",
        "JENKINS",
        "GITLAB_CI",
        "CIRCLECI",
        "CONTINUOUS_INTEGRATION",
        "CI_APP_ID",
        "CI_BUILD_ID",
        "CI_BUILD_NUMBER",
        "CI_NAME",
        "CI_XCODE_PROJECT",
        "JENKINS_URL" & "BUILD_ID",
        "JENKINS_HOME",
        "HUDSON_URL",
        "BUILD_ID" & "BUILD_URL",
        "BUILD_ID" & "PROJECT_ID",
        "TASK_ID" & "RUN_ID",
        "AC_APPCIRCLE",
        "AGOLA_GIT_REF",
        "APPCENTER_BUILD_ID",
        "APPVEYOR",
        "bamboo_planKey",
        "bamboo.buildKey",
        "BITBUCKET_COMMIT",
        "BITBUCKET_DEPLOYMENT",
        "BITRISE_IO",
        "BUDDY_WORKSPACE_ID",
        "BUILDER_OUTPUT",
        "BUILDKITE",
        "CF_BUILD_ID",
        "CIRRUS_CI",
        "CM_BUILD_ID",
        "CODEBUILD_BUILD_ARN",
        "CODEBUILD_BUILD_ID" & "AWS_REGION",
        "CODEBUILD_SRC_DIR",
        "DSARI",
        "EARTHLY_CI",
        "EAS_BUILD",
        "GERRIT_PROJECT",
        "GITEA_ACTIONS",
        "GITHUB_ACTION",
        "GITLAB_DEPLOYMENT",
        "GO_PIPELINE_LABEL",
        "GO_PIPELINE_NAME",
        "HARNESS_BUILD_ID",
        "JB_SPACE_API_URL",
        "LAYERCI",
        "NEVERCODE",
        "PROW_JOB_ID",
        "SAILCI",
        "SAIL_CI",
        "SCREWDRIVER",
        "SEMAPHORE",
        "SHIPPABLE",
        "STRIDER",
        "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI",
        "TDDIUM",
        "TEAMCITY_VERSION",
        "TF_BUILD",
        "VELA",
        "WERCKER",
        "WORKERS_CI",
        "XCS",
    }
    Probable {
        "ALPIC_HOST",
        "BUILD_ID",
        "BUILD_NUMBER",
        "CF_PAGES",
        "DRONE",
        "MAGNUM",
        "NETLIFY",
        "NODE" has "/app/.heroku/node/bin/node",
        "NOW_BUILDER",
        "NOW_GITHUB_DEPLOYMENT",
        "RELEASE_BUILD_ID",
        "RENDER",
        "RUN_ID",
        "TASKCLUSTER_ROOT_URL",
        "VERCEL",
    }
};

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn found(variables: &[(&str, &str)]) -> Vec<(Certainty, String)> {
        let environment = Environment::fixed(variables.iter().copied());
        MARKERS.iter().filter(|m| m.is_found(&environment)).map(|m| (m.certainty, m.name())).collect()
    }

    #[test]
    fn no_marker_is_listed_twice() {
        let mut names = HashSet::new();
        assert!(MARKERS.iter().all(|marker| names.insert(marker.name()) && !marker.name().is_empty()));
    }

    #[test]
    fn a_marker_is_set_unless_empty_or_a_no() {
        for value in ["true", "1", "woodpecker", " x ", "https://ci.example"] {
            assert_eq!(found(&[("CI", value)]), [(Certainty::Certain, "CI".into())], "{value}");
        }
        for value in ["", " ", "0", "false", "No", "OFF"] {
            assert_eq!(found(&[("TRAVIS", value)]), [], "{value}");
        }
    }

    #[test]
    fn names_that_only_tell_together() {
        assert_eq!(found(&[("JENKINS_URL", "http://x")]), []);
        assert_eq!(found(&[("RUN_ID", "7")]), [(Certainty::Probable, "RUN_ID".into())]);
        assert_eq!(
            found(&[("RUN_ID", "7"), ("TASK_ID", "8")]),
            [(Certainty::Certain, "TASK_ID+RUN_ID".into()), (Certainty::Probable, "RUN_ID".into())]
        );
        assert_eq!(found(&[("NODE", "/usr/bin/node")]), []);
        assert_eq!(found(&[("NODE", "/app/.heroku/node/bin/node")]), [(Certainty::Probable, "NODE".into())]);
    }
}
