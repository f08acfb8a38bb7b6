using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>Size and shape of Auto-PGD's steps.</summary>
internal abstract class ApgdSchedule : IDisposable
{
    /// <summary>Whether steps keep a part of the one before.</summary>
    public abstract bool HasMomentum { get; }

    /// <summary>The next step, before projection: [rows, input shape].</summary>
    public abstract Tensor Step();

    /// <summary>Told on which rows the loss rose: [rows], bool.</summary>
    public virtual void Count(Tensor rose) { }

    /// <summary>
    /// At a checkpoint changes the size of steps, and where they led nowhere goes back to the best point.
    /// </summary>
    public abstract void Next(int step);

    /// <inheritdoc/>
    public abstract void Dispose();
}

/// <summary>
/// Linf and L2: from 2 epsilon, halved where the loss rose in too few steps since the last checkpoint, or where neither
/// size nor best loss changed at the last one. Checkpoints come after 22 % of the steps, then ever sooner.
/// </summary>
internal sealed class HalvingSchedule : ApgdSchedule
{
    private const double RisingShare = 0.75;

    private readonly Budget _budget;
    private readonly ActiveBatch.Kept _x,
        _best,
        _gradient,
        _bestGradient,
        _bestLoss,
        _size,
        _rises,
        _halved,
        _checkedLoss;
    private readonly int _shortening,
        _shortest;
    private int _period,
        _since;

    public HalvingSchedule(
        ActiveBatch rows,
        Budget budget,
        int steps,
        ActiveBatch.Kept x,
        ActiveBatch.Kept best,
        ActiveBatch.Kept gradient,
        ActiveBatch.Kept bestGradient,
        ActiveBatch.Kept bestLoss
    )
    {
        (_budget, _x, _best, _gradient, _bestGradient, _bestLoss) = (budget, x, best, gradient, bestGradient, bestLoss);
        _period = Math.Max((int)(0.22 * steps), 1);
        _shortest = Math.Max((int)(0.06 * steps), 1);
        _shortening = Math.Max((int)(0.03 * steps), 1);
        _size = rows.Keep(full_like(bestLoss.Value, Scalars.Get(2 * budget.Epsilon)));
        _rises = rows.Keep(zeros_like(bestLoss.Value));
        _halved = rows.Keep(ones_like(bestLoss.Value).to(ScalarType.Bool));
        _checkedLoss = rows.Keep(bestLoss.Value);
    }

    public override bool HasMomentum => true;

    public override Tensor Step() =>
        _budget.Direction(_gradient.Value) * ActiveBatch.PerRow(_size.Value, _gradient.Value);

    public override void Count(Tensor rose) => _rises.Value = _rises.Value.Plus(rose.to(_rises.Value.dtype));

    public override void Next(int step)
    {
        if (++_since < _period)
            return;
        using var scope = NewDisposeScope();
        var stalled = _halved.Value.logical_not().logical_and(_checkedLoss.Value.ge(_bestLoss.Value));
        var halve = _rises.Value.le(Scalars.Get(_period * RisingShare)).logical_or(stalled);
        _size.Set(halve, _size.Value * Scalars.Get(0.5));
        _x.Set(halve, _best.Value);
        _gradient.Set(halve, _bestGradient.Value);
        (_halved.Value, _checkedLoss.Value, _rises.Value) = (halve, _bestLoss.Value, zeros_like(_rises.Value));
        (_since, _period) = (0, Math.Max(_period - _shortening, _shortest));
    }

    public override void Dispose()
    {
        foreach (var kept in new[] { _size, _rises, _halved, _checkedLoss })
            kept.Dispose();
    }
}

/// <summary>
/// L1: steps along the signs of the largest part of the gradient, as many values as the best point's sparsity suggests;
/// the size falls as long as the sparsity stays, and starts again where it grows.
/// </summary>
internal sealed class SparseSchedule : ApgdSchedule
{
    private const double Slower = 1.5,
        Least = 10,
        Share = 0.2;

    private readonly ActiveBatch _rows;
    private readonly Budget _budget;
    private readonly ActiveBatch.Kept _x,
        _best,
        _gradient,
        _bestGradient,
        _size,
        _share,
        _nonzero;
    private readonly int _period;

    public SparseSchedule(
        ActiveBatch rows,
        Budget budget,
        int steps,
        ActiveBatch.Kept x,
        ActiveBatch.Kept best,
        ActiveBatch.Kept gradient,
        ActiveBatch.Kept bestGradient
    )
    {
        (_rows, _budget, _x, _best, _gradient, _bestGradient) = (rows, budget, x, best, gradient, bestGradient);
        _period = Math.Max((int)(0.04 * steps), 1);
        var values = x.Value.numel() / Math.Max(1, x.Value.shape[0]);
        _size = rows.Keep(full(x.Value.shape[0], Scalars.Get(budget.Epsilon)).On(x.Value));
        _share = rows.Keep(full(x.Value.shape[0], Scalars.Get(Share)).On(x.Value));
        _nonzero = rows.Keep(full(x.Value.shape[0], Scalars.Get(values)).On(x.Value));
    }

    public override bool HasMomentum => false;

    public override Tensor Step()
    {
        using var scope = NewDisposeScope();
        var flat = _gradient.Value.flatten(1);
        var size = flat.abs();
        var values = flat.shape[1];
        var rank = _share.Value.neg().Plus(1).mul(Scalars.Get(values)).clamp(Scalars.Get(0), Scalars.Get(values - 1));
        var threshold = size.sort(1).Values.gather(1, rank.to(int64).unsqueeze(1));
        var signs = flat.sign().masked_fill(size.lt(threshold), Scalars.Get(0));
        var count = signs.abs().sum(1, keepdim: true).clamp_min(Scalars.Get(1));
        return (signs / count * _size.Value.unsqueeze(1)).reshape(_gradient.Value.shape).MoveToOuterDisposeScope();
    }

    public override void Next(int step)
    {
        if ((step + 1) % _period != 0)
            return;
        using var scope = NewDisposeScope();
        var nonzero = (_best.Value - _rows.Clean.Value).flatten(1).abs().gt(Scalars.Get(1e-5)).sum(1).to(float32);
        var sparser = (nonzero / _nonzero.Value).lt(Scalars.Get(0.95));
        var values = _x.Value.flatten(1).shape[1];
        _share.Value = (nonzero / Scalars.Get(values * Slower)).clamp(Scalars.Get(0), Scalars.Get(1));
        var slower = (_size.Value / Scalars.Get(Slower)).clamp_min(Scalars.Get(_budget.Epsilon / Least));
        _size.Value = where(sparser, full_like(slower, Scalars.Get(_budget.Epsilon)), slower);
        _x.Set(sparser, _best.Value);
        _gradient.Set(sparser, _bestGradient.Value);
        _nonzero.Value = nonzero;
    }

    public override void Dispose()
    {
        foreach (var kept in new[] { _size, _share, _nonzero })
            kept.Dispose();
    }
}
