using PostTrainGate.Bench;
using PostTrainGate.Metrics;
using PostTrainGate.Models;
using PostTrainGate.Repairs;
using Xunit;

namespace PostTrainGate.Tests.Repairs;

public partial class ModelTransformTests
{
    [Fact]
    public void The_best_admissible_state_is_kept_and_not_the_last_one()
    {
        using var task = FairnessTask.Load(Fixtures.Elsewhere, "german", "sex");
        var scores = new Queue<SelectionScore>([
            new(true, 3, 0.7),
            new(true, 1, 0.7),
            new(false, 0, 0.7),
            new(true, 2, 0.7),
            new(true, 4, 0.7),
        ]);
        var states = new List<OnnxClassifier>();
        var selection = new Script(model =>
        {
            states.Add(model.Clone());
            return scores.Dequeue();
        });
        var candidate = ModelTransform.Run(
            (Recipe(task) with { Epochs = 5, Checkpoints = 5 }).Recipe(task.Source),
            new(task.Source, task.Train, 1, selection)
        );
        Assert.Equal(1, candidate.Score.Gap);
        Assert.All(candidate.Model.Parameters, p => Assert.True(p.Value.Same(states[1].Parameters[p.Key])));
        candidate.Model.Dispose();
        states.ForEach(s => s.Dispose());
    }

    [Fact]
    public void A_model_between_two_has_its_share_of_every_change()
    {
        using var task = FairnessTask.Load(Fixtures.Elsewhere, "german", "sex");
        using var repaired = ModelTransform
            .Run(Recipe(task).Recipe(task.Source), new(task.Source, task.Train, 1))
            .Model;
        var whole = WeightChange.Between(task.Source, repaired).Norm;
        using var none = Interpolation.Between(task.Source, repaired, 0);
        using var half = Interpolation.Between(task.Source, repaired, 0.5);
        using var all = Interpolation.Between(task.Source, repaired, 1);
        Assert.Equal(0, WeightChange.Between(task.Source, none).Changed);
        Assert.Equal(0.5, WeightChange.Between(task.Source, half).Norm / whole, 1e-3);
        Assert.Equal(0, WeightChange.Between(repaired, all).Norm / whole, 1e-3);
    }

    [Fact]
    public void A_share_of_the_steps_runs_the_whole_schedule_in_fewer()
    {
        using var task = FairnessTask.Load(Fixtures.Elsewhere, "german", "sex");
        var recipe = Recipe(task).Recipe(task.Source) with
        {
            Schedule = new()
            {
                Steps = 40,
                BatchSize = 64,
                Decay = true,
            },
        };
        var candidate = ModelTransform.Run(recipe, new(task.Source, task.Train, 1) { Share = 0.25 });
        candidate.Model.Dispose();
        Assert.Equal("10", candidate.Details["steps"]);
    }

    [Fact]
    public void A_diverging_loss_halves_the_rate_and_starts_again()
    {
        using var task = FairnessTask.Load(Fixtures.Elsewhere, "german", "sex");
        var recipe = Recipe(task).Recipe(task.Source) with
        {
            Schedule = new()
            {
                Epochs = 50,
                BatchSize = 64,
                LearningRate = 500,
                Optimizer = () => new Sgd(),
            },
        };
        var candidate = ModelTransform.Run(recipe, new(task.Source, task.Train, 1));
        using var model = candidate.Model;
        Assert.Contains("halved", candidate.Details["back_offs"], StringComparison.Ordinal);
        Assert.All(model.Parameters.Values, p => Assert.True(p.isfinite().all().item<bool>()));
    }

    [Fact]
    public void A_network_that_gives_one_answer_whatever_the_input_starts_again()
    {
        using var task = FairnessTask.Load(Fixtures.Elsewhere, "german", "sex");
        var parity = new GroupParity { Demands = [new(task.Train.Groups["sex"], ComparedRows.All)] };
        var recipe = (
            parity with
            {
                Schedule = new()
                {
                    Steps = 400,
                    BatchSize = 64,
                    LearningRate = 5,
                    Optimizer = () => new Sgd(),
                },
            }
        ).Recipe(task.Source);
        var candidate = ModelTransform.Run(recipe, new(task.Source, task.Train, 1));
        using var model = candidate.Model;
        using var logits = model.LogitsOfAll(task.Test.Inputs);
        using var answers = logits.argmax(1);
        Assert.True(candidate.Details.ContainsKey("back_offs"));
        Assert.InRange(answers.sum().item<long>(), 1, task.Test.Count - 1);
    }

    [Fact]
    public void A_falling_rate_reaches_its_end_before_the_deadline_on_a_slow_machine()
    {
        var schedule = new TuningSchedule
        {
            Steps = 1000,
            LearningRate = 1,
            Decay = true,
        };
        var clock = new StepClock();
        var pace = new TuningPace(schedule, 1000, clock.GetUtcNow().UtcDateTime.AddSeconds(0.5), clock);
        var (done, rate) = (0, 1.0);
        for (; pace.GoesOn; done++)
        {
            rate = pace.NextRate();
            clock.Now += TimeSpan.FromMilliseconds(5);
            if (done % 5 == 4)
                pace.MindDeadline(done + 1);
        }

        Assert.InRange(done, 20, 100); // of the hundred that there is time for
        Assert.InRange(rate, 0, 0.2);
    }

    private sealed class StepClock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;
    }

    [Fact]
    public void After_the_deadline_the_source_comes_back_unchanged()
    {
        using var task = FairnessTask.Load(Fixtures.Elsewhere, "german", "sex");
        var candidate = ModelTransform.Run(
            Recipe(task).Recipe(task.Source),
            new(task.Source, task.Train, 1, null, DateTime.UtcNow.AddSeconds(-1))
        );
        using var model = candidate.Model;
        Assert.Equal(0, WeightChange.Between(task.Source, model).Changed);
        Assert.Contains("0 of", candidate.Details["steps"], StringComparison.Ordinal);
    }

    [Fact]
    public void Cancelling_stops_it()
    {
        using var task = FairnessTask.Load(Fixtures.Elsewhere, "german", "sex");
        using var cancel = new CancellationTokenSource();
        cancel.Cancel();
        Assert.Throws<OperationCanceledException>(() =>
            ModelTransform.Run(Recipe(task).Recipe(task.Source), new(task.Source, task.Train, 1, Cancel: cancel.Token))
        );
    }

    private sealed class Script(Func<OnnxClassifier, SelectionScore> score) : ISelection
    {
        public SelectionScore Score(OnnxClassifier model) => score(model);
    }
}
