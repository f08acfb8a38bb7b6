using PostTrainGate.Foundation;
using PostTrainGate.Models;
using PostTrainGate.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>
/// The pass forward and backward of a step. Parts of a batch run side by side, one a core, each in a model of its own
/// over the same weights; the loss of all rows then pushes each part's values, and the gradients are added in order.
/// The parts are the same on every machine, and so is what they come to.
/// </summary>
internal sealed class TuningPass : IDisposable
{
    // Of a part; smaller ones lose more than they gain.
    private const int FewestRows = 32;
    private const double FewestMultiplications = 2e7;

    private readonly TransformRecipe _recipe;
    private readonly TuningInputs _inputs;
    private readonly TuningTargets _targets;
    private readonly string[] _taps;
    private readonly List<Lane> _lanes = [];
    private readonly DeferredPasses _deferred = new();

    // The first lane's model is the one that is tuned, the others' are copies over its weights.
    private sealed record Lane(OnnxClassifier Model, WeightGradients Gradients, Generator Random)
    {
        public BatchMoments? Moments { get; init; }
    }

    // What a part gave, and its graph.
    private sealed record Part(Tensor[] Values, Tensor? Target);

    /// <summary>Prepares the parts.</summary>
    /// <param name="recipe">What is tuned.</param>
    /// <param name="inputs">The rows.</param>
    /// <param name="targets">What they should give.</param>
    /// <param name="model">The model that is tuned.</param>
    /// <param name="weights">Its tuned weights.</param>
    /// <param name="run">What surrounds it.</param>
    /// <param name="random">What the first part draws from; the others have a stream each.</param>
    public TuningPass(
        TransformRecipe recipe,
        TuningInputs inputs,
        TuningTargets targets,
        OnnxClassifier model,
        TunedWeights weights,
        TransformRun run,
        Generator random
    )
    {
        (_recipe, _inputs, _targets) = (recipe, inputs, targets);
        _taps =
            recipe.LabelWeight == 0 ? [recipe.Tap]
            : recipe.TargetWeight == 0 ? [OnnxClassifier.LogitsTap]
            : [recipe.Tap, OnnxClassifier.LogitsTap];
        BatchMoments? Moments() => recipe.InTraining ? BatchMoments.Of(model) : null;
        _lanes.Add(new(model, weights.Gradients, random) { Moments = Moments() });
        model.Deferred = _deferred;
        var fits = recipe.Schedule.BatchSize <= model.RowsPerPass(gradients: true);
        var parts = fits ? Parts(model, recipe.Schedule.BatchSize, run) : 1;
        for (var i = 1; i < parts; i++)
        {
            var own = model.Clone();
            var stream = new Generator((ulong)Seeds.Derive(run.Seed, "part", i));
            _lanes.Add(new(own, weights.Bind(own), stream) { Moments = Moments() });
        }

        Train();
    }

    /// <summary>
    /// From here on batches are normalized by their own moments, where the recipe asks for it; the running ones begin
    /// with the model's.
    /// </summary>
    public void Train()
    {
        foreach (var lane in _lanes)
        {
            lane.Moments?.Take(_lanes[0].Model);
            lane.Model.Moments = lane.Moments;
        }
    }

    /// <summary>Leaves a model that can be asked: its moments are those that the parts followed.</summary>
    public void Rest()
    {
        BatchMoments[] moments = [.. _lanes.Select(l => l.Moments).OfType<BatchMoments>()];
        if (moments.Length > 0)
            BatchMoments.Give(moments, _lanes[0].Model);
        foreach (var lane in _lanes)
            lane.Model.Moments = null;
    }

    private static int Parts(OnnxClassifier model, int rows, TransformRun run)
    {
        var multiplications = TuningCost.Measure(model, run.Data.Inputs).Multiplications * FewestRows;
        return multiplications < FewestMultiplications ? 1 : rows / FewestRows;
    }

    /// <summary>The loss of a batch, whose gradient is added to that of the weights.</summary>
    /// <param name="batch">The rows.</param>
    /// <param name="step">Number of the step, from 0.</param>
    public Tensor Run(TuningBatch batch, int step)
    {
        var rows = batch.Clean.size(0);
        var fits = rows <= batch.Model.RowsPerPass(gradients: true);
        var count = fits ? (int)Math.Clamp(rows / FewestRows, 1, _lanes.Count) : 1;
        var parts = new Part[count];
        Lanes.ForEach(count, count, i => parts[i] = Forward(_lanes[i], Rows(i), batch, step));

        Tensor[] values = [.. _taps.Select((_, tap) => Whole(p => p.Values[tap]).detach().requires_grad_())];
        var target = parts[0].Target is null ? null : Whole(p => p.Target!);
        var loss = Loss(values, batch with { Target = target });
        loss.backward();

        // A handle made on another thread would belong to no scope.
        Tensor[] pushes = [.. values.Select(v => v.grad!)];
        Lanes.ForEach(count, count, i => Backward(Rows(i), parts[i], pushes));
        _deferred.Backward();
        foreach (var lane in _lanes.Take(count).Skip(1))
        {
            _lanes[0].Gradients.Vector.add_(lane.Gradients.Vector);
            lane.Gradients.Vector.zero_();
        }

        return loss;

        (long Start, long Count) Rows(int part) =>
            (rows * part / count, rows * (part + 1) / count - rows * part / count);

        Tensor Whole(Func<Part, Tensor> of) => count == 1 ? of(parts[0]) : cat([.. parts.Select(of)], 0);
    }

    private Part Forward(Lane lane, (long Start, long Count) rows, TuningBatch batch, int step)
    {
        using var scope = NewDisposeScope();
        var clean = batch.Clean.narrow(0, rows.Start, rows.Count);
        var labels = batch.Labels?.narrow(0, rows.Start, rows.Count);
        var inputs = clean;
        Tensor? target = null;
        lane.Gradients.Ask(false);
        lane.Moments?.Follows = false; // what an attack tries is not what the model is trained on
        if (_inputs.Augment is { } augment)
            inputs = augment(lane.Model, clean, labels, step, lane.Random).detach();
        using (no_grad())
            target = _recipe.TargetWeight == 0 ? null : _targets.OfClean?.Invoke(lane.Model, clean);
        lane.Gradients.Ask(true);
        lane.Moments?.Follows = true;
        var values = lane.Model.Values(inputs, _taps);
        return new([.. values.Select(v => v.DetachFromDisposeScope())], target?.DetachFromDisposeScope());
    }

    private static void Backward((long Start, long Count) rows, Part part, Tensor[] pushes)
    {
        using var scope = NewDisposeScope();
        autograd.backward(part.Values, [.. pushes.Select(p => p.narrow(0, rows.Start, rows.Count))]);
        foreach (var tensor in part.Values.Append(part.Target))
            tensor?.Dispose();
    }

    private Tensor Loss(Tensor[] values, TuningBatch batch)
    {
        using Scalar targetWeight = _recipe.TargetWeight,
            labelWeight = _recipe.LabelWeight;
        if (_recipe.LabelWeight == 0)
            return _targets.Loss(values[0], batch).mul(targetWeight);
        if (_recipe.TargetWeight == 0)
            return LabelLoss(values[0], batch).mul(labelWeight);
        return LabelLoss(values[1], batch).mul(labelWeight).add(_targets.Loss(values[0], batch), targetWeight);
    }

    private static Tensor LabelLoss(Tensor logits, TuningBatch batch) =>
        nn.functional.cross_entropy(
            logits,
            batch.Labels ?? throw new InvalidOperationException("a label loss needs labeled rows")
        );

    /// <inheritdoc/>
    public void Dispose()
    {
        (_lanes[0].Model.Deferred, _lanes[0].Model.Moments) = (null, null);
        _deferred.Dispose();
        foreach (var lane in _lanes)
            lane.Moments?.Dispose();
        foreach (var lane in _lanes.Skip(1)) // the first one's are the caller's
        {
            lane.Random.Dispose();
            lane.Gradients.Dispose();
            lane.Model.Dispose();
        }
    }
}
