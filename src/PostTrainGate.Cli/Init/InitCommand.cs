using System.Collections.Immutable;
using PostTrainGate.Cli.Output;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Models;
using PostTrainGate.Reading;
using Spectre.Console;

namespace PostTrainGate.Cli.Init;

/// <summary><c>posttraingate init</c>: looks at a model and data, and writes a first policy that runs.</summary>
internal sealed class InitCommand(CliHost host, InitOptions options)
{
    private readonly Terminal _out = Terminal.Out(host);

    /// <summary>Writes the policy; every failure ends as diagnostics and an exit code.</summary>
    public int Run(CancellationToken cancel) => Failures.Guard(host, () => Write(cancel), cancel);

    private int Write(CancellationToken cancel)
    {
        var draft = InitFiles.Start(options);
        host.Error.WriteLine($"Looking at {draft.Model} and {draft.Source} ...");
        var model = host.Inspect(options.Model, cancel);
        if (model.Classes is null)
            throw new GateException(
                new Diagnostic(
                    DiagnosticCodes.ModelShape,
                    $"The gate cannot run this model: {model.Refusal}",
                    new SourcePosition(options.Model, 0, 0)
                )
            );
        var data = host.Look(Policy(draft), cancel);
        draft = Answered(draft, data, model);
        if (DraftGates.TakesIds(model))
        {
            draft = draft with
            {
                NoAttack = "the inputs are ids, so a small change is another word, and an epsilon means nothing",
            };
            if (DraftGates.ByClass(draft, data) is { } classes)
                draft = draft with { Groups = draft.Groups.Add(classes) };
        }

        host.Error.WriteLine("Finding out how the model reads the data ...");
        var search = new DraftSearch(options, host, data, model);
        (draft, var accuracy) = search.Find(draft, cancel);
        if (draft.NoAttack.Length == 0 && DraftGates.NeedsManyEpsilons(draft, data))
            draft = draft with
            {
                NoAttack = "the model takes columns of very different ranges, and epsilon is one for all",
            };
        var majority = Majority(draft, data);
        if (accuracy.Value <= majority.Share)
            _out.Say(
                $"The model is right on {Numbers.Measured(accuracy.Value.Value)} of the rows; always answering "
                    + $"{Wording.Quote(majority.Answer)} would be right on {Numbers.Measured(majority.Share)}. Perhaps "
                    + "training read the data in another way: check the scale, the columns and the classes.",
                Color.Yellow
            );
        draft = draft with { Gates = DraftGates.Open(draft, data, model, DraftGates.TriedRows(data)) };
        host.Error.WriteLine($"Measuring {draft.Gates.Length} gates ...");
        var measured = search.Measure(draft, cancel);
        foreach (var gate in measured.Gates.Where(g => g.Original.Value is null))
            _out.Say($"Left out: {gate.Title}, {gate.Original.Reason}.", Color.Yellow);
        draft = draft with { Gates = DraftGates.Open(draft, data, model, DraftGates.AttackedRows(data)) };
        draft = draft with { Gates = DraftGates.Close(draft, measured, majority.Share) };
        _ = Policy(draft); // what is written is read first
        InitFiles.Write(options, draft);
        Show(draft);
        return 0;
    }

    private GatePolicy Policy(Draft draft)
    {
        var (policy, wrong) = PolicyReader.ReadText(draft.Text(), options.Output);
        return policy ?? throw new GateException([.. wrong.Where(d => d.Severity == Severity.Error)]);
    }

    private Draft Answered(Draft draft, DataLook data, ModelInspection model)
    {
        if (data.IsTable)
            draft = draft with { Label = Label(data, model), DropMissing = data.Columns.Any(LacksText) };
        if (data.IsTable && model.Inputs.All(i => i.Type != "string"))
            draft = draft with { Texts = [.. data.Columns.Where(c => IsOneHot(c) && c.Name != draft.Label)] };
        var label = draft.LabelColumn(data);
        var sensitive = Sensitive(data, label);
        if (sensitive.IsEmpty)
            return draft;
        return draft with
        {
            Favorable = Favorable(label),
            Groups =
            [
                .. sensitive.Select(name =>
                    Guesses.Group(Column(data, name, "--sensitive"), data.Rows, null)
                    ?? throw Wrong(
                        $"'--sensitive' names {Wording.Quote(name)}, "
                            + $"{Guesses.WhyNoGroup(Column(data, name, "--sensitive"), data.Rows)}; name another column, "
                            + "or write a condition into 'groups' later."
                    )
                ),
            ],
        };

        static bool IsOneHot(ColumnLook column) => column is { Kind: ColumnKind.Text, Values.IsEmpty: false };
        static bool LacksText(ColumnLook column) => column.Kind == ColumnKind.Text && column.Missing > 0;
    }

    private string Label(DataLook data, ModelInspection model)
    {
        if (options.Label is { } given)
            return Column(data, given, "--label").Name;
        var names = data.Columns.Select(c => c.Name).ToArray();
        var guess = Guesses.Label(data, model)?.Name;
        if (Asked(new("Which column holds the right answers?", names, guess is null ? [] : [guess])) is [var answer])
            return answer;
        if (guess is null)
            throw Wrong(
                $"No column has the {model.Classes} classes of the model; name the one with the right answers by "
                    + $"'--label COL'. The columns are {Wording.List(names.Take(20).Select(Wording.Quote))}."
            );
        _out.Say($"Label: {guess}. It is a guess; '--label COL' names another.");
        return guess;
    }

    private ImmutableArray<string> Sensitive(DataLook data, ColumnLook label)
    {
        if (options.Sensitive is { } given)
            return given;
        var names = Guesses.Groupable(data, label.Name).Select(c => c.Name).ToArray();
        var guess = Guesses.Sensitive(data, label.Name);
        if (names.Length == 0 || (guess.IsEmpty && label.Values.Length > 2))
            return [];
        var question = new Question("Which columns must not decide who is favored?", names, guess, Several: true);
        if (Asked(question) is { } answer)
            return [.. answer];
        if (!guess.IsEmpty)
            _out.Say($"Sensitive columns: {Wording.List(guess)}. It is a guess; '--sensitive COL,COL' names others.");
        return guess;
    }

    private string Favorable(ColumnLook label)
    {
        var values = label.Values.Select(v => v.Text).ToArray();
        if (options.Favorable is { } given)
            return values.Contains(given)
                ? given
                : throw Wrong(
                    $"'--favorable' is {Wording.Quote(given)}, but the labels are "
                        + $"{Wording.List(values.Take(12).Select(Wording.Quote))}."
                );
        var guess = Guesses.Favorable(label)!;
        if (Asked(new("Which answer do people want?", values, [guess])) is [var answer])
            return answer;
        _out.Say($"Favorable: {guess}. It is a guess; '--favorable VALUE' gives another.");
        return guess;
    }

    private IReadOnlyList<string>? Asked(Question question) => options.Yes ? null : host.Ask?.Invoke(question);

    private ColumnLook Column(DataLook data, string name, string option)
    {
        if (data.Columns.FirstOrDefault(c => c.Name == name) is { } column)
            return column;
        var names = data.Columns.Select(c => c.Name).ToArray();
        var right = Wording.Nearest(name, names) is { } near
            ? $"did you mean {Wording.Quote(near)}?"
            : $"its columns are {Wording.List(names.Take(20).Select(Wording.Quote))}.";
        throw Wrong($"'{option}' names the column {Wording.Quote(name)}, which is not in the data; {right}");
    }

    private GateException Wrong(string message) =>
        new(new Diagnostic(DiagnosticCodes.DataColumn, message, new SourcePosition(options.Data, 0, 0)));

    private static (string Answer, double Share) Majority(Draft draft, DataLook data)
    {
        var label = draft.LabelColumn(data);
        var (answer, count) = label.Values.MaxBy(v => v.Count)!;
        return (answer, count / (double)data.Rows);
    }

    private void Show(Draft draft)
    {
        _out.Say($"{options.Output} has {draft.Gates.Length} gates:");
        foreach (var gate in draft.Gates)
            _out.Say($"  {gate.Metric}: {{ {gate.Settings}{gate.Threshold} }}  # {gate.Comment}");
        if (!draft.Except.IsEmpty)
            _out.Say($"No inputs: {Wording.List(draft.Except)}. Correct 'features.except' if the model sees them.");
        _out.Say($"Next: {InitFiles.Next(options)}");
    }
}
