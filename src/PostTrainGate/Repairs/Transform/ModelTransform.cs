using System.Collections.Immutable;
using System.Globalization;
using PostTrainGate.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>
/// Model transformation (Jiang et al., TOSEM 2024): a classifier is cut after a hidden layer into a regression model
/// over the same weights; that front is tuned on augmented inputs toward better targets, moving only the weights that
/// matter; the head, never copied, is then on it again. Dare, FMT and the rest are recipes for this one frame.
/// </summary>
public sealed class ModelTransform : IDisposable
{
    private const int MaxBackOffs = 6;

    private readonly TransformRecipe _recipe;
    private readonly TransformRun _run;
    private readonly Generator _random;
    private readonly TuningInputs _inputs;
    private readonly TuningTargets _targets;
    private readonly WeightSlice _slice;
    private readonly OnnxClassifier _model;
    private readonly TunedWeights _weights;
    private readonly TuningPass _pass;
    private readonly Optimizer _optimizer;
    private Tensor? _best;
    private SelectionScore? _bestScore;

    private ModelTransform(TransformRecipe recipe, TransformRun run)
    {
        (_recipe, _run) = (recipe, run);
        _random = new Generator((ulong)run.Seed);
        var context = new TransformContext(run.Source, run.Data, recipe.Tap, _random);
        using (no_grad())
        {
            _inputs = recipe.Inputs(context);
            _targets = recipe.Targets(context, _inputs);
            _slice = recipe.Slice(context);
        }

        _model = (run.Start ?? run.Source).Clone();
        _weights = new TunedWeights(_model, _slice, recipe.Schedule.Projection == Projection.Epoch);
        _pass = new TuningPass(recipe, _inputs, _targets, _model, _weights, run, _random);
        _optimizer = recipe.Schedule.Optimizer();
    }

    /// <summary>Runs a recipe. The source is left as it was.</summary>
    /// <returns>The best admissible state, or the best one when none is; the caller disposes its model.</returns>
    public static RepairCandidate Run(TransformRecipe recipe, TransformRun run)
    {
        using var scope = NewDisposeScope();
        using var threads = new ThreadScope(
            run.Source,
            TuningCost.Measure(run.Source, run.Data.Inputs).Multiplications * recipe.Schedule.BatchSize
        );
        using var transform = new ModelTransform(recipe, run);
        return transform.Tune();
    }

    private RepairCandidate Tune()
    {
        var schedule = _recipe.Schedule;
        var rows = _inputs.Rows.shape[0];
        var perEpoch = schedule.StepsPerEpoch(rows);
        var steps = rows == 0 || _weights.Free == 0 ? 0 : Steps(schedule, rows, perEpoch);
        var window = Math.Clamp(steps / 20, 1, 100);
        var checkpoint = Checkpoint(steps, perEpoch);
        var watch = new LossWatch();
        var telling = _recipe.LabelWeight > 0 && TellsClassesApart(_run.Source);
        var pace = new TuningPace(schedule, steps, _run.Deadline);
        var (backOffs, done) = (0, 0);
        using var total = zeros(1);
        Tensor? order = null;
        _weights.AskForGradients(true);
        for (; pace.GoesOn && !Late; done++)
        {
            var at = done % perEpoch;
            if (at == 0 && !schedule.WithReplacement)
            {
                order?.Dispose();
                order = randperm(rows, generator: _random).DetachFromDisposeScope();
            }

            if (schedule.FreshOptimizer)
                _optimizer.Reset();
            Step(done, order, at, pace.NextRate(), total);
            if (schedule.Projection == Projection.Epoch && at == perEpoch - 1)
                WithoutGradients(_weights.Project);
            if ((done + 1) % window == 0)
            {
                var loss = total.item<float>() / window;
                total.zero_();
                if (watch.HasDiverged(loss) || (telling && pace.IsWarm && !TellsClassesApart(_model)))
                {
                    _optimizer.Reset();
                    _pass.Rest();
                    WithoutGradients(() =>
                    {
                        if (_bestScore is { Admissible: true })
                            _weights.Restore(_best!);
                        else
                            _weights.Reset();
                    });
                    _pass.Train();
                    if (++backOffs > MaxBackOffs)
                        break;
                    pace.BackOff();
                    watch.Restart();
                    continue;
                }

                pace.MindDeadline(done + 1);
                _run.Progress?.Report(
                    new(_recipe.Name, pace.Share, string.Create(CultureInfo.InvariantCulture, $"loss {loss:G3}"))
                );
            }

            if (checkpoint > 0 && (done + 1) % checkpoint == 0 && pace.GoesOn)
                Score();
        }

        order?.Dispose();
        _weights.AskForGradients(false);
        WithoutGradients(_weights.Project);
        Score();
        _pass.Rest();
        if (_best is not null)
            WithoutGradients(() => _weights.Restore(_best));
        return new(_model, _recipe.Name, _bestScore ?? default, Details(steps, done, backOffs, pace.Scale))
        {
            IsHurried = pace.IsHurried,
        };
    }

    // Too large a rate can leave a network that gives one answer whatever the input, and never comes back: its loss
    // looks calm.
    private bool TellsClassesApart(OnnxClassifier model)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var best = model.Logits(_inputs.Rows.narrow(0, 0, Math.Min(256, _inputs.Rows.shape[0]))).argmax(1);
        return best.ne(best[0]).any().item<bool>();
    }

    /// <summary>One optimizer step; nothing in it waits for a value.</summary>
    private void Step(int step, Tensor? order, int at, double rate, Tensor total)
    {
        var schedule = _recipe.Schedule;
        using var scope = NewDisposeScope();
        var rows = _inputs.Rows.shape[0];
        var start = (long)at * schedule.BatchSize;
        var index = order is null
            ? randint(rows, [schedule.BatchSize], dtype: ScalarType.Int64, generator: _random)
            : order.narrow(0, start, Math.Min(schedule.BatchSize, rows - start));
        var clean = _inputs.Rows.index_select(0, index);
        var labels = _inputs.Labels?.index_select(0, index);
        _weights.Gradient.zero_();
        var loss = _pass.Run(new(_model, index, clean, labels), step);
        using var _ = no_grad();
        total.add_(loss);
        if (schedule.WeightDecay > 0)
        {
            using Scalar decay = schedule.WeightDecay;
            _weights.Gradient.add_(_weights.Vector, decay);
        }

        if (schedule.Projection == Projection.Step)
            _weights.MaskGradient();
        _optimizer.Step(_weights.Vector, _weights.Gradient, rate);
    }

    /// <summary>
    /// Scores the state as it stands and keeps it if it is the best so far; without a selection keeps the last one.
    /// </summary>
    private void Score()
    {
        if (_run.Selection is not { } selection)
            return;
        _weights.AskForGradients(false);
        _pass.Rest();
        using (var before = _weights.Save())
        {
            // A state between two resets is not one that could be proposed.
            WithoutGradients(_weights.Project);
            WithoutGradients(_model.RoundToFile);
            var score = selection.Score(_model);
            if (_bestScore is not { } best || score.CompareTo(best) > 0)
            {
                _bestScore = score;
                _best?.Dispose();
                _best = _weights.Save();
            }

            WithoutGradients(() => _weights.Restore(before));
        }

        _pass.Train();
        _weights.AskForGradients(true);
    }

    // Weights that are put back after each pass over the rows need whole passes.
    private int Steps(TuningSchedule schedule, long rows, int perEpoch)
    {
        var steps = (int)Math.Ceiling(schedule.StepsOver(rows) * _run.Share);
        return schedule.Projection == Projection.Epoch ? (steps + perEpoch - 1) / perEpoch * perEpoch : steps;
    }

    private bool Late
    {
        get
        {
            _run.Cancel.ThrowIfCancellationRequested();
            return _run.Deadline is { } deadline && DateTime.UtcNow >= deadline.ToUniversalTime();
        }
    }

    private int Checkpoint(int steps, int perEpoch)
    {
        var (schedule, every) = (_recipe.Schedule, 0);
        if (schedule.Checkpoints <= 0 || _run.Selection is null)
            return 0;
        every = Math.Max(1, steps / schedule.Checkpoints);
        return schedule.Projection == Projection.Epoch ? Math.Max(1, every / perEpoch) * perEpoch : every;
    }

    private static void WithoutGradients(Action change)
    {
        using var _ = no_grad();
        change();
    }

    private ImmutableSortedDictionary<string, string> Details(int steps, int done, int backOffs, double scale)
    {
        var details = _recipe.Notes.ToBuilder();
        var layer = _run.Source.Layers.FirstOrDefault(l => l.Output == _recipe.Tap);
        var change = WeightChange.Between(_run.Source, _model);
        details["layer"] = layer is null ? "output" : $"{layer.Index} ({layer.Name})";
        details["inputs"] = string.Create(
            CultureInfo.InvariantCulture,
            $"{_inputs.Rows.shape[0]} {_inputs.Description}"
        );
        details["targets"] = _targets.Description;
        details["slice"] = string.Create(CultureInfo.InvariantCulture, $"{_slice.Description}: {_weights.Free} values");
        details["steps"] = done < steps ? $"{done} of {steps} (out of time, or the loss kept diverging)" : $"{steps}";
        details["batch"] = $"{_recipe.Schedule.BatchSize}";
        details["learning_rate"] = (_recipe.Schedule.LearningRate * scale).ToString("G4", CultureInfo.InvariantCulture);
        if (backOffs > 0)
            details["back_offs"] = $"{backOffs} (the loss diverged, so the learning rate was halved each time)";
        details["weights_changed"] = change.ToString();
        return details.ToImmutable();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _optimizer.Dispose();
        _pass.Dispose();
        _weights.Dispose();
        _best?.Dispose();
        _random.Dispose();
    }
}
