using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Gating;
using PostTrainGate.Models;
using PostTrainGate.Repairs;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Repairs;

public sealed class CrossFittingTests : IDisposable
{
    private readonly RepairToy _toy = new(RepairToy.Parity);
    private readonly EvaluationSet _repair,
        _select;
    private readonly Selection _selection;

    public CrossFittingTests()
    {
        var third = _toy.Data.Count / 3;
        _select = _toy.Data.Take([.. Enumerable.Range(0, third)]);
        _repair = _toy.Data.Take([.. Enumerable.Range(third, _toy.Data.Count - third)]);
        _selection = Judge(_select);
    }

    public void Dispose()
    {
        _selection.Dispose();
        _repair.Dispose();
        _select.Dispose();
        _toy.Dispose();
    }

    [Fact]
    public void Each_row_is_predicted_by_the_model_that_did_not_learn_from_it()
    {
        using var judge = CrossFit()!;
        using var lazy = Turned(_toy.Source, 0); // one answer for all rows
        EvaluationSet? learned = null;
        var plan = new Making("flat", context =>
        {
            learned = context.RepairSet;
            Assert.Equal(0, context.Selection.Score(context.Source).Accuracy); // nothing is chosen along the way
            return Turned(_toy.Source, 1);
        });
        var score = judge.Score(lazy, plan, 1, 1);
        Assert.Same(_select, learned);
        // By hand: the first model on the rows for selection, the second one on the rows for repair.
        var right = _select.LabelValues.Count(y => y == 0) + _repair.LabelValues.Count(y => y == 1);
        Assert.Equal(right / (double)_toy.Data.Count, score.Accuracy, 1e-12);
    }

    [Fact]
    public void What_leads_by_luck_is_not_chosen()
    {
        using var crossFitting = CrossFit()!;
        using var tournament = new Tournament(_selection) { CrossFitting = crossFitting };
        var score = new SelectionScore(true, 0.2, 0.8);
        // On other rows it makes a model of one answer, which gives a class up.
        var lucky = new Making("lucky", context => Turned(_toy.Source, context.RepairSet == _repair ? null : 1))
        {
            Score = score,
        };
        var sound = new Making("sound", context => Shifted(context.Source)) { Score = score with { Gap = 0.6 } };
        tournament.Run([lucky, sound], Context);
        Assert.Equal("sound", tournament.Choose()!.Method);
    }

    [Fact]
    public void Few_rows_beside_many_judge_nothing()
    {
        using var few = _select.Take([.. Enumerable.Range(0, 20)]);
        Assert.Null(CrossFitting.Of(Context, [], few, Judge));
    }

    private RepairContext Context => _toy.Context with { RepairSet = _repair, Selection = _selection };

    private CrossFitting? CrossFit() => CrossFitting.Of(Context, [], _select, Judge);

    private Selection Judge(EvaluationSet rows) =>
        new(
            _toy.Source,
            rows,
            new()
            {
                File = "posttraingate.yml",
                Folder = "",
                Data = new() { Source = new("", "", default) },
                Gates = [RepairToy.Parity],
                Repair = new() { MaxAccuracyDrop = 1 },
            },
            [RepairToy.Parity],
            rows.Count,
            CancellationToken.None
        );

    // A large bias for a class; null: none.
    private static OnnxClassifier Turned(OnnxClassifier source, int? answer)
    {
        using var _ = no_grad();
        var model = source.Clone();
        if (answer is { } favored)
            model.Parameters[model.Layers[^1].Bias!].select(0, favored).fill_(1e3);
        return model;
    }

    private static OnnxClassifier Shifted(OnnxClassifier source)
    {
        using var _ = no_grad();
        var model = source.Clone();
        model.Parameters[model.Layers[^1].Bias!].select(0, 1).add_(0.3);
        return model;
    }

    private sealed record Making(string Name, Func<RepairContext, OnnxClassifier> Make) : RepairPlan(Name)
    {
        public SelectionScore Score { get; init; }

        public override double Seconds => 1;

        public override RepairCandidate Run(RepairContext context, double share) =>
            new(Make(context), Name, Score, ImmutableSortedDictionary<string, string>.Empty);
    }
}
