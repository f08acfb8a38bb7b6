using PostTrainGate.Cli.Output;
using Xunit;

namespace PostTrainGate.Tests.Cli;

/// <summary>What a log shows of long work.</summary>
public sealed class ProgressTests
{
    [Fact]
    public void A_log_has_a_line_for_each_stage_and_one_every_half_minute_of_silence()
    {
        var time = new ManualTime();
        using var log = new StringWriter();
        using (var progress = new PlainProgress(log, time))
        {
            progress.Report(new("Reading data"));
            time.Advance(2);
            progress.Report(new("Loading the model")); // too soon for a line
            time.Advance(4);
            progress.Report(new("Attacking", 0.0));
            time.Advance(60); // nothing is said meanwhile
            progress.Report(new("Attacking", 0.25));
            time.Advance(30);
        }

        time.Advance(300);
        Assert.Equal(
            [
                "Reading data (0 s)",
                "Attacking 0 % (6 s)",
                "Attacking 0 % (36 s)",
                "Attacking 0 % (66 s)",
                "Attacking 25 % (96 s, about 5 min left)",
            ],
            log.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries)
        );
    }

    // A second at a time, as the timers of the progress tick.
    private sealed class ManualTime : TimeProvider
    {
        private readonly List<Tick> _ticks = [];
        private long _now;

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => _now;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var tick = new Tick(this, () => callback(state));
            _ticks.Add(tick);
            return tick;
        }

        public void Advance(int seconds)
        {
            for (var second = 0; second < seconds; second++)
            {
                _now++;
                _ticks.ToList().ForEach(t => t.Call());
            }
        }

        private sealed class Tick(ManualTime time, Action call) : ITimer
        {
            public void Call() => call();

            public bool Change(TimeSpan dueTime, TimeSpan period) => true;

            public void Dispose() => time._ticks.Remove(this);

            public ValueTask DisposeAsync()
            {
                Dispose();
                return ValueTask.CompletedTask;
            }
        }
    }
}
