//! Questions that an event type asks, and what counts as an answer.

use super::text::{EmailAddress, PhoneNumber, many_lines, one_line};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The kinds of question. The kind decides the control on the page and the check behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum QuestionKind {
    /// One line, at most 500 characters.
    ShortText,
    /// Several lines, at most 5,000 characters.
    LongText,
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// A decimal number with `.` or `,`.
    Number,
    /// Exactly one of the options.
    Choice,
    /// Any of the options.
    Choices,
    /// Ticked or not; a required one must be ticked.
    Checkbox,
}

/// A question as the owner wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Question {
    /// Names the answer in forms, links and the API; unique within the event type. Never shown.
    pub key: String,
    /// What the page asks.
    pub label: String,
    /// Which kind of answer it takes.
    pub kind: QuestionKind,
    /// May it be left out?
    pub required: bool,
    /// What can be chosen, for `choice` and `choices`.
    #[serde(default)]
    pub options: Vec<String>,
    /// A sentence below the control, or empty.
    #[serde(default)]
    pub help: String,
}

impl Question {
    /// The name of its form field: apart from `name`, `email` and the other fields of the page itself.
    pub fn field(&self) -> String {
        format!("q-{}", self.key)
    }
}

/// An answer that was checked. The label is kept, so that a later change of the question can't rewrite history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Answer {
    /// The question's key.
    pub key: String,
    /// The question as it was asked.
    pub label: String,
    /// The answer; several choices are joined by `, `, a ticked box is `yes`.
    pub value: String,
}

/// A sentence that belongs beside one field of a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct FieldError {
    /// The field's name in the form and in the API.
    pub field: String,
    /// What is wrong and how to mend it.
    pub message: String,
}

impl FieldError {
    /// A sentence for a field.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// Checks what was entered (values by question key) and returns the answers in the order of the questions,
/// or a sentence for every field that needs mending. Unknown keys are refused: they mean a tampered form.
pub fn check_answers(
    questions: &[Question],
    entered: &BTreeMap<String, Vec<String>>,
) -> Result<Vec<Answer>, Vec<FieldError>> {
    let mut answers = Vec::new();
    let mut errors = Vec::new();
    // The first one is enough: a form of ours has none, and a forged one may have thousands.
    if let Some(unknown) = entered.keys().find(|key| !questions.iter().any(|q| q.key == **key)) {
        errors.push(FieldError::new(
            format!("q-{unknown}"),
            "This question is not asked here. Please reload the page.",
        ));
    }
    for question in questions {
        let values: Vec<&str> = entered
            .get(&question.key)
            .map(|values| values.iter().map(|value| value.trim()).filter(|value| !value.is_empty()).collect())
            .unwrap_or_default();
        match check_one(question, &values) {
            Ok(Some(value)) => {
                answers.push(Answer { key: question.key.clone(), label: question.label.clone(), value });
            }
            Ok(None) => {}
            Err(message) => errors.push(FieldError::new(question.field(), message)),
        }
    }
    if errors.is_empty() { Ok(answers) } else { Err(errors) }
}

fn check_one(question: &Question, values: &[&str]) -> Result<Option<String>, String> {
    let Some(first) = values.first() else {
        return match (question.required, question.kind) {
            (false, _) => Ok(None),
            (true, QuestionKind::Checkbox) => Err("Please tick this box to go on.".into()),
            (true, QuestionKind::Choice | QuestionKind::Choices) => Err("Please choose an answer.".into()),
            (true, _) => Err("Please answer this question.".into()),
        };
    };
    if values.len() > 1 && question.kind != QuestionKind::Choices {
        return Err("Please give one answer.".into());
    }
    let is_option = |value: &str| question.options.iter().any(|option| option == value);
    let checked = match question.kind {
        QuestionKind::ShortText => {
            one_line(first, 500, "Please answer this question.", "answer").map_err(|e| e.0)?
        }
        QuestionKind::LongText => many_lines(first, 5_000).map_err(|e| e.0)?,
        QuestionKind::Email => EmailAddress::parse(first).map_err(|e| e.0)?.into(),
        QuestionKind::Phone => PhoneNumber::parse(first).map_err(|e| e.0)?.into(),
        QuestionKind::Number => {
            let plain = first.replace(',', ".");
            match plain.parse::<f64>() {
                Ok(number) if number.is_finite() && plain.len() <= 40 => plain,
                _ => return Err("Please enter a number, such as 3 or 2.5.".into()),
            }
        }
        QuestionKind::Choice if is_option(first) => (*first).to_owned(),
        QuestionKind::Choices if values.iter().all(|value| is_option(value)) => {
            // In the owner's order and once each, whatever order they arrived in.
            let chosen: Vec<&str> = question
                .options
                .iter()
                .map(String::as_str)
                .filter(|option| values.contains(option))
                .collect();
            chosen.join(", ")
        }
        QuestionKind::Choice | QuestionKind::Choices => {
            return Err("This answer is no longer on offer. Please choose again.".into());
        }
        QuestionKind::Checkbox if matches!(*first, "yes" | "on" | "true") => "yes".to_owned(),
        QuestionKind::Checkbox if matches!(*first, "no" | "false") => {
            return if question.required { Err("Please tick this box to go on.".into()) } else { Ok(None) };
        }
        QuestionKind::Checkbox => return Err("Please tick the box or leave it empty.".into()),
    };
    Ok(Some(checked))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(kind: QuestionKind, required: bool) -> Question {
        let options = vec!["Red".to_owned(), "Green".to_owned(), "Blue".to_owned()];
        Question { key: "k".into(), label: "L".into(), kind, required, options, help: String::new() }
    }

    fn ask(kind: QuestionKind, required: bool, values: &[&str]) -> Result<Vec<Answer>, Vec<FieldError>> {
        let entered = BTreeMap::from([("k".to_owned(), values.iter().map(|v| (*v).to_owned()).collect())]);
        check_answers(&[question(kind, required)], &entered)
    }

    #[test]
    fn a_required_question_needs_an_answer_of_its_kind() {
        use QuestionKind::*;
        for kind in [ShortText, LongText, Email, Phone, Number, Choice, Choices, Checkbox] {
            assert!(ask(kind, true, &["  "]).is_err(), "{kind:?} blank");
            assert!(ask(kind, false, &[]).unwrap().is_empty(), "{kind:?} left out");
        }
        for (kind, wrong) in [
            (Email, "x"),
            (Phone, "abc"),
            (Number, "NaN"),
            (Number, "1e999"),
            (Choice, "Pink"),
            (Checkbox, "maybe"),
        ] {
            assert!(ask(kind, false, &[wrong]).is_err(), "{kind:?} {wrong}");
        }
        assert_eq!(ask(Number, true, &["2,5"]).unwrap()[0].value, "2.5");
        assert_eq!(ask(Checkbox, true, &["on"]).unwrap()[0].value, "yes");
    }

    #[test]
    fn several_choices_keep_the_owners_order_and_one_choice_takes_one() {
        assert_eq!(ask(QuestionKind::Choices, true, &["Blue", "Red", "Blue"]).unwrap()[0].value, "Red, Blue");
        assert!(ask(QuestionKind::Choices, true, &["Blue", "Pink"]).is_err());
        assert!(ask(QuestionKind::Choice, true, &["Blue", "Red"]).is_err());
    }

    #[test]
    fn an_answer_to_a_question_that_is_not_asked_is_refused() {
        let entered = BTreeMap::from([("admin".to_owned(), vec!["1".to_owned()])]);
        assert_eq!(check_answers(&[], &entered).unwrap_err()[0].field, "q-admin");
    }
}
