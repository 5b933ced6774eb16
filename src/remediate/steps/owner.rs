//! Whose a thing is to be that a step makes.

use crate::remediate::{
    answers::{Question, find},
    step::{Situation, StepError},
};

/// What has to be known before something can be the node's; an edition with an account of its own knows it.
pub(super) fn questions(situation: &Situation) -> Vec<Question> {
    let profile = &situation.facts.profile;
    if profile.system.account.is_some() || situation.node_user().is_some() {
        return Vec::new();
    }
    find(profile, "user_id").into_iter().collect()
}

/// Whose a thing is to be; its group has the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The user with this number.
    User(u32),
    /// The node's user, whom nobody has named yet: so in a plan that is only shown.
    Unanswered,
}

impl Owner {
    /// The administrator.
    pub(super) const ROOT: Self = Self::User(0);

    /// Whom the node's data belong to.
    pub(super) fn of_node(situation: &Situation) -> Self {
        situation.node_user().map_or(Self::Unanswered, Self::User)
    }

    /// For a line of a plan.
    pub(super) fn words(self) -> String {
        match self {
            Self::User(user) => format!("owner {user}:{user}"),
            Self::Unanswered => "owner as user_id is answered".into(),
        }
    }

    /// As a word of a script, which ends with a clear sentence where it is run without the answer.
    pub(super) fn shell_word(self) -> String {
        match self {
            Self::User(user) => user.to_string(),
            Self::Unanswered => "\"${user_id:?is the account that owns the node's data}\"".into(),
        }
    }

    /// User and group.
    pub(super) fn known(self) -> Result<(u32, u32), StepError> {
        match self {
            Self::User(user) => Ok((user, user)),
            Self::Unanswered => Err(StepError::Other(
                "whose it is to be is not known: USER_ID is not in .env, and nobody answered user_id"
                    .into(),
            )),
        }
    }
}
