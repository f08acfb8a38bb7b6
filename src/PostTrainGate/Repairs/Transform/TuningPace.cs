namespace PostTrainGate.Repairs;

/// <summary>
/// Where a run stands in its schedule. After a back-off what is left of the steps is a schedule of its own with half
/// the rate. A falling rate that would not reach its end before the deadline falls faster, so that a slow machine still
/// ends on small steps.
/// </summary>
internal sealed class TuningPace(TuningSchedule schedule, int steps, DateTime? deadline, TimeProvider? clock = null)
{
    private const double Margin = 0.9; // of the time left; scoring and the like take the rest

    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private readonly DateTimeOffset _started = (clock ?? TimeProvider.System).GetUtcNow();
    private double _position;
    private double _span = steps;
    private double _stride = 1;
    private double _before;

    /// <summary>Factor on the learning rate.</summary>
    public double Scale { get; private set; } = 1;

    /// <summary>Whether the deadline has cost steps.</summary>
    public bool IsHurried => _stride > 1;

    /// <summary>Whether a step is left.</summary>
    public bool GoesOn => _position < _span;

    /// <summary>Whether the warm-up is over.</summary>
    public bool IsWarm => _position > schedule.WarmUp * _span;

    /// <summary>Share of the steps done.</summary>
    public double Share => Math.Min(1, (_before + _position) / Math.Max(1, steps));

    /// <summary>Rate of the next step.</summary>
    public double NextRate()
    {
        var rate = Scale * schedule.RateAt(_position, _span);
        _position += _stride;
        return rate;
    }

    /// <summary>Half the rate, for what is left.</summary>
    public void BackOff()
    {
        Scale /= 2;
        _before += _position;
        _span = Math.Max(0, _span - _position);
        _position = 0;
    }

    /// <summary>Falls faster where time is short.</summary>
    /// <param name="done">Steps taken.</param>
    public void MindDeadline(int done)
    {
        if (deadline is not { } end || !schedule.Decay)
            return;
        var now = _clock.GetUtcNow();
        var affordable = Margin * (end.ToUniversalTime() - now) / ((now - _started) / done);
        if (_span - _position > _stride * affordable)
            _stride = (_span - _position) / Math.Max(1, affordable);
    }
}
