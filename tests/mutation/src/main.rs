//! Writes every mutant of some source files into them at once, each behind a switch, so that one build serves all.
//!
//! usage: sesam-doctor-mutation LIST [--skip FILE] SOURCE…
//!
//! The sources are changed in place. LIST gets a line for each mutant: its place, what it changes, and the line of code.
//! What FILE lists, in the same form without line and column, is left out.

use std::{collections::BTreeSet, fs, process::ExitCode};

use proc_macro2::Span;
use syn::{
    Arm, BinOp, Block, Expr, ExprMatch, File, ImplItemFn, ItemConst, ItemFn, ItemMod, ItemStatic, Pat, ReturnType, Signature, Type,
    UnOp, parse_quote,
    spanned::Spanned,
    visit_mut::{self, VisitMut},
};

/// The mutants of one run.
struct Mutants {
    file: String,
    lines: Vec<String>,
    skipped: BTreeSet<String>,
    list: Vec<String>,
}

impl Mutants {
    /// The switch of a new mutant; none where it was asked to be left out.
    fn switch(&mut self, span: Span, what: &str) -> Option<Expr> {
        let start = span.start();
        let line = self.lines.get(start.line - 1).map_or("", |line| line.trim());
        if self.skipped.contains(&format!("{}: {what} in {line}", self.file)) {
            return None;
        }
        let number = u32::try_from(self.list.len()).ok()?;
        self.list.push(format!("{}:{}:{}: {what} in {line}", self.file, start.line, start.column + 1));
        Some(parse_quote!(crate::mutant(#number)))
    }

    fn body(&mut self, signature: &Signature, block: &mut Block) {
        if signature.constness.is_some() {
            return;
        }
        let ReturnType::Type(_, returned) = &signature.output else {
            return;
        };
        let name = &signature.ident;
        let mut values: Vec<(&str, Expr)> = Vec::new();
        if let Type::Path(path) = &**returned
            && let Some(last) = path.path.segments.last()
        {
            match last.ident.to_string().as_str() {
                "bool" => values.extend([("true", parse_quote!(true)), ("false", parse_quote!(false))]),
                "Option" => values.push(("None", parse_quote!(None))),
                "Vec" => values.push(("vec![]", parse_quote!(Vec::new()))),
                "String" => values.push(("\"\"", parse_quote!(String::new()))),
                "f64" => values.extend([("0.0", parse_quote!(0.0)), ("1.0", parse_quote!(1.0))]),
                "u64" | "u32" | "usize" | "i64" => values.extend([("0", parse_quote!(0)), ("1", parse_quote!(1))]),
                _ => {}
            }
        }
        if let Type::Reference(reference) = &**returned
            && matches!(&*reference.elem, Type::Path(path) if path.path.is_ident("str"))
        {
            values.push(("\"\"", parse_quote!("")));
        }
        for (words, value) in values.into_iter().rev() {
            let what = format!("replace {name} with {words}");
            if let Some(switch) = self.switch(signature.span(), &what) {
                block.stmts.insert(0, parse_quote!(if #switch { return #value; }));
            }
        }
    }

    fn binary(&mut self, expression: &mut Expr) {
        let Expr::Binary(binary) = expression else {
            return;
        };
        if has_let(&binary.left) || has_let(&binary.right) {
            return;
        }
        let (span, left, right) = (binary.op.span(), binary.left.clone(), binary.right.clone());
        if matches!(binary.op, BinOp::And(_)) {
            if let Some(switch) = self.switch(span, "replace && with ||") {
                *expression = parse_quote!((match #left { left => if left == #switch { left } else { #right } }));
            }
            return;
        }
        if matches!(binary.op, BinOp::Or(_)) {
            if let Some(switch) = self.switch(span, "replace || with &&") {
                *expression = parse_quote!((match #left { left => if left != #switch { left } else { #right } }));
            }
            return;
        }
        let arithmetic: Option<(&str, &[&str])> = match binary.op {
            BinOp::Add(_) => Some(("+", &["-", "*"])),
            BinOp::Sub(_) => Some(("-", &["+", "/"])),
            BinOp::Mul(_) => Some(("*", &["/", "+"])),
            BinOp::Div(_) => Some(("/", &["*", "%"])),
            BinOp::BitAnd(_) => Some(("&", &["|", "^"])),
            _ => None,
        };
        if let Some((was, others)) = arithmetic {
            if let Some(chosen) = self.chosen(span, binary.op, was, others) {
                *expression = parse_quote!((match (#left, #right) { (left, right) => #chosen }));
            }
            return;
        }
        let (was, others): (&str, &[&str]) = match binary.op {
            BinOp::Eq(_) => ("==", &["!="]),
            BinOp::Ne(_) => ("!=", &["=="]),
            BinOp::Lt(_) => ("<", &["<=", ">"]),
            BinOp::Le(_) => ("<=", &["<", ">"]),
            BinOp::Gt(_) => (">", &[">=", "<"]),
            BinOp::Ge(_) => (">=", &[">", "<"]),
            _ => return,
        };
        if let Some(chosen) = self.chosen(span, binary.op, was, others) {
            *expression = parse_quote!((match (&(#left), &(#right)) { (left, right) => #chosen }));
        }
    }

    /// One of several operators between `left` and `right`, by the switches; nothing where all were to be left out.
    fn chosen(&mut self, span: Span, original: BinOp, was: &str, others: &[&str]) -> Option<Expr> {
        let mut chosen: Expr = parse_quote!(left #original right);
        let before = self.list.len();
        for other in others {
            let Ok(operator) = syn::parse_str::<BinOp>(other) else {
                continue;
            };
            if let Some(switch) = self.switch(span, &format!("replace {was} with {other}")) {
                chosen = parse_quote!(if #switch { left #operator right } else { #chosen });
            }
        }
        (self.list.len() > before).then_some(chosen)
    }

    /// `span` is where the guard stood before anything in it was changed.
    fn guard(&mut self, arm: &mut Arm, span: Option<Span>) {
        if let Some((_, guard)) = &mut arm.guard
            && let Some(span) = span
            && !has_let(guard)
        {
            for value in [true, false] {
                let what = format!("replace the guard with {value}");
                if let Some(switch) = self.switch(span, &what) {
                    **guard = parse_quote!((if #switch { #value } else { #guard }));
                }
            }
        }
    }
}

/// Whether a pattern is matched in a condition, which has to stay where it is.
fn has_let(expression: &Expr) -> bool {
    match expression {
        Expr::Let(_) => true,
        Expr::Binary(binary) => has_let(&binary.left) || has_let(&binary.right),
        Expr::Paren(inner) => has_let(&inner.expr),
        _ => false,
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg") && matches!(&attribute.meta, syn::Meta::List(list) if list.tokens.to_string() == "test")
    })
}

impl VisitMut for Mutants {
    fn visit_item_mod_mut(&mut self, module: &mut ItemMod) {
        if !is_test(&module.attrs) {
            visit_mut::visit_item_mod_mut(self, module);
        }
    }

    // What is worked out while compiling has no switches.
    fn visit_item_static_mut(&mut self, _: &mut ItemStatic) {}
    fn visit_item_const_mut(&mut self, _: &mut ItemConst) {}

    fn visit_item_fn_mut(&mut self, function: &mut ItemFn) {
        if is_test(&function.attrs) || function.sig.constness.is_some() {
            return;
        }
        visit_mut::visit_item_fn_mut(self, function);
        self.body(&function.sig, &mut function.block);
    }

    fn visit_impl_item_fn_mut(&mut self, function: &mut ImplItemFn) {
        if is_test(&function.attrs) || function.sig.constness.is_some() {
            return;
        }
        visit_mut::visit_impl_item_fn_mut(self, function);
        self.body(&function.sig, &mut function.block);
    }

    fn visit_expr_match_mut(&mut self, expression: &mut ExprMatch) {
        let guards: Vec<Option<Span>> = expression
            .arms
            .iter()
            .map(|arm| Some(arm.guard.as_ref()?.1.span()))
            .collect();
        visit_mut::visit_expr_match_mut(self, expression);
        let has_rest = expression.arms.iter().any(|arm| matches!(arm.pat, Pat::Wild(_)) && arm.guard.is_none());
        for (arm, span) in expression.arms.iter_mut().zip(guards) {
            self.guard(arm, span);
            if has_rest
                && arm.guard.is_none()
                && !matches!(arm.pat, Pat::Wild(_))
                && let Some(switch) = self.switch(arm.pat.span(), "delete the arm")
            {
                arm.guard = Some((Default::default(), parse_quote!(!#switch)));
            }
        }
    }

    fn visit_expr_mut(&mut self, expression: &mut Expr) {
        visit_mut::visit_expr_mut(self, expression);
        match expression {
            Expr::Binary(_) => self.binary(expression),
            Expr::Unary(unary) if matches!(unary.op, UnOp::Not(_)) => {
                let inner = unary.expr.clone();
                if let Some(switch) = self.switch(unary.op.span(), "delete !") {
                    *expression = parse_quote!((#switch != !#inner));
                }
            }
            _ => {}
        }
    }
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(list) = arguments.next() else {
        eprintln!("usage: sesam-doctor-mutation LIST [--skip FILE] SOURCE…");
        return ExitCode::FAILURE;
    };
    let mut mutants = Mutants {
        file: String::new(),
        lines: Vec::new(),
        skipped: BTreeSet::new(),
        list: Vec::new(),
    };
    let mut sources: Vec<String> = arguments.collect();
    if sources.first().is_some_and(|word| word == "--skip") {
        let text = fs::read_to_string(&sources[1]).unwrap_or_default();
        mutants.skipped = text.lines().map(str::to_owned).collect();
        sources.drain(..2);
    }
    for source in sources {
        let text = fs::read_to_string(&source).expect("a source that can be read");
        let mut file: File = syn::parse_file(&text).expect("a source that compiles");
        mutants.file.clone_from(&source);
        mutants.lines = text.lines().map(str::to_owned).collect();
        mutants.visit_file_mut(&mut file);
        fs::write(&source, prettyplease::unparse(&file)).expect("a place to write to");
    }
    fs::write(list, mutants.list.join("\n") + "\n").expect("a place to write to");
    ExitCode::SUCCESS
}
